# check DOMAIN against a real DNS server that publishes some of what is needed, and then all of it.
port=$(free_port)
printf '0123456789abcdef0123456789abcdef\n' >secret
cat >rundbrief.conf <<-END
	sending { return_domain = bounce.news.test secret = secret }
	dns { server = 127.0.0.1 port = $port timeout = 2s tries = 2 }
	source "a" { address = 127.0.0.1 helo = out.news.test }
	dkim "k" { domain = news.test selector = s1 key = s1.pem }
END
run 0 dkim keygen --domain news.test --selector s1 --out s1.pem
record=$(grep '^s1._domainkey' out)

zone() {
	printf '$ORIGIN .\n$TTL 60\n. IN SOA ns. hostmaster. 1 3600 600 86400 60\n. IN NS ns.\nns. IN A 127.0.0.1\n'
	printf 'news.test. IN MX 10 mx.news.test.\nmx.news.test. IN A 127.0.0.1\n'
	printf 'bounce.news.test. IN MX 10 mx.news.test.\n'
	printf 'out.news.test. IN A 127.0.0.1\n'
}
serve() {
	sh "$root/tests/live/nsd.sh" start "$PWD/zone" "$port" "$PWD/nsd" >nsd.log 2>&1
	claim $? "the DNS server answers"
}
trap 'sh "$root/tests/live/nsd.sh" stop "$PWD/nsd" >/dev/null 2>&1' EXIT

zone >zone
serve
run 6 check news.test
prints "error"
prints "SPF"
prints "DKIM"
prints "publish: s1._domainkey.news.test."
run 6 check news.test --json
is_json
run 6 check news.test --csv
prints "level,subject,sentence,record"
sh "$root/tests/live/nsd.sh" stop "$PWD/nsd" >/dev/null 2>&1

{
	zone
	echo "$record"
	echo 'bounce.news.test. IN TXT "v=spf1 ip4:127.0.0.1 -all"'
	echo 'news.test. IN TXT "v=spf1 ip4:127.0.0.1 -all"'
	echo '_dmarc.news.test. IN TXT "v=DMARC1; p=none; rua=mailto:d@news.test"'
	echo '1.0.0.127.in-addr.arpa. IN PTR out.news.test.'
} >zone
serve
run 0 check news.test
prints "0 errors"
never_prints "publish:"
run 6 check 'not a domain'
run 2 check
