# The configuration: where it is looked for, what is in force, what is wrong with it.
run 0 --explain
prints "no configuration file was found"
cat >rundbrief.conf <<-END
	database { conninfo = "host=/nowhere password=hunter2" }
	smtp {
		port = 2525
	}
END
run 0 pause --explain
prints "smtp.port = 2525"
prints "# rundbrief.conf:3"
never_prints hunter2
printf 'smtp {\n\tprot = 1\n}\n' >bad.conf
run 2 pause x --config bad.conf
tells "bad.conf:2: unknown key 'prot' in smtp, did you mean 'port'?"
RUNDBRIEF_CONFIG=bad.conf
export RUNDBRIEF_CONFIG
run 2 pause x
tells "bad.conf:2"
unset RUNDBRIEF_CONFIG
run 2 pause x --config missing.conf
tells "missing.conf: No such file or directory"
run 4 pause x
tells "the database cannot be reached"
never_prints hunter2

# Relays, routes, TLS, proxies: one file with everything is accepted and explained, without secrets.
umask 077
for file in password proxy_password client_secret refresh_token access_token tokens ca.pem our.pem our.key; do
	echo hunter2-of-our-house >$file
done
cat >full.conf <<-'END'
	sending { return_domain = bounces.example.com secret = tokens }
	dns { server = 127.0.0.1 trust_ad = true }
	smtp {
		tls = dane
		ca_file = ca.pem
		certificate = our.pem
		certificate_key = our.key
		tls_minimum = 1.3
		policy_port = 8443
		address_literals = true
		ip = prefer-ipv6
		congestion = cubic
		dsn = true
	}
	source "near" { address = 127.0.0.1 address6 = "::1" helo = out.example.com }
	source "far" {
		address = 192.0.2.1
		proxy = "socks5://[2001:db8::1]:1080"
		proxy_user = ann
		proxy_password = proxy_password
	}
	relay "main" {
		host = smtp.example.com
		implicit_tls = true
		weight = 3
		user = ann
		password = password
		mechanisms = { "SCRAM-SHA-256", "PLAIN" }
	}
	relay "spare" { host = smtp.example.net port = 587 preference = 10 user = ann password_env = SPARE_PASSWORD }
	relay "cloud" {
		host = cloud.example.com
		user = ann
		token_endpoint = "https://login.example.com/token"
		client_id = rundbrief
		client_secret = client_secret
		refresh_token = refresh_token
		token_scope = mail
	}
	relay "fixed" { host = fixed.example.com user = ann token = access_token }
	relay "store" { host = 127.0.0.1 port = 24 protocol = lmtp tls = none }
	route "provider:gmail" { relays = { main, spare } }
	route "list:inhouse" { relays = { store } tls = none }
	route "partner.example" { tls = verify }
	route "lab.example" { host = 127.0.0.1 port = 2525 }
	route "*" { relays = { cloud, fixed } }
END
SPARE_PASSWORD=hunter2-from-outside
export SPARE_PASSWORD
run 0 send --limits --config full.conf
quiet
never_prints hunter2
run 0 send --explain --config full.conf
quiet
never_prints hunter2
for line in 'dns.trust_ad = true' 'smtp.tls = dane' 'smtp.ca_file = ca.pem' 'smtp.certificate_key = (set, not shown)' \
	'smtp.tls_minimum = 1.3' 'smtp.policy_port = 8443' 'smtp.address_literals = true' 'smtp.ip = prefer-ipv6' \
	'smtp.congestion = cubic' 'smtp.dsn = true' 'source "near".address6 = ::1' \
	'source "far".proxy = socks5://[2001:db8::1]:1080' 'source "far".proxy_password = (set, not shown)' \
	'relay "main".password = (set, not shown)' 'relay "spare".password = (not set)' \
	'relay "spare".password_env = SPARE_PASSWORD' 'relay "main".mechanisms = { "SCRAM-SHA-256", "PLAIN" }' \
	'relay "main".tls = auto' 'relay "cloud".refresh_token = (set, not shown)' \
	'relay "fixed".token = (set, not shown)' 'relay "store".protocol = lmtp' \
	'route "provider:gmail".relays = { "main", "spare" }' 'route "list:inhouse".tls = none'; do
	prints "$line"
done
run 0 help config
for word in 'relay "NAME" { ... }' 'route "WHAT" { ... }' trust_ad token_endpoint \
	'auto | none | may | encrypt | verify | mta-sts | dane' 'both | prefer-ipv6'; do
	prints "$word"
done

# What is wrong is told with its place, or with its section when a file is missing or too open.
refused() {
	sed "$1" full.conf >wrong.conf
	run 2 send --limits --config wrong.conf
	tells "$2"
	never_prints hunter2
}
refused '/trust_ad/s/127.0.0.1/192.0.2.53/' 'wrong.conf:2: dns.trust_ad: is believed of a dns.server on a loopback'
refused '/trust_ad/d' 'wrong.conf:3: smtp.tls: dane needs dns.trust_ad'
refused 's/our.key/no.key/' 'smtp.certificate_key: no.key: No such file'
refused '/certificate_key/d' 'smtp.certificate: certificate and certificate_key go together'
refused 's/ca.pem/no.pem/' 'smtp.ca_file: no.pem: No such file'
refused 's/tls_minimum = 1.3/tls_minimum = 1.0/' "tls_minimum: '1.0' is not one of 1.2, 1.3"
refused 's/congestion = cubic/congestion = cubism/' 'smtp.congestion: cubism: '
refused '/proxy_user/d' 'source "far".proxy_user: proxy_user and proxy_password go together'
refused 's/proxy_password = .*/proxy_password = nowhere/' 'source "far".proxy_password: nowhere: No such file'
refused 's/socks5:..\[/socks5:\/\/u:hunter2@[/' 'source "far".proxy: the login goes into proxy_user'
refused 's/SCRAM-SHA-256/SCARM/' "relay \"main\".mechanisms: 'SCARM' is not known"
refused 's/^password = password/password = nowhere/' 'relay "main".password: nowhere: No such file'
refused 's/SPARE_PASSWORD/NOT_SET/' 'relay "spare".password_env: the environment has no variable NOT_SET'
refused 's/user = ann token = access_token//;s/ fixed }/ fixde }/' 'there is no relay "fixde", did you mean "fixed"?'
refused 's/provider:gmail/provider:gmial/' 'route "provider:gmial": no provider is called that, did you mean "provider:gmail"?'
refused 's/port = 24 //' 'relay "store".port: lmtp needs a port of its own'
refused 's/relays = { store } tls = none//' 'route "list:inhouse": relays, host, tls or pool must be set'
chmod 644 password
run 2 send --limits --config full.conf
tells 'relay "main".password: password: everybody may use it; chmod 600 password'
chmod 600 password
: >password
run 2 send --limits --config full.conf
tells 'relay "main".password: password: is empty'
