# zone.awk - the private zone "test." of the demo: awk -f zone.awk > test.zone
# Every name ends in .test, so a question that went astray could reach nobody.
function provider(domain, host, address) {
	printf "%s IN MX 10 %s\n%s IN A %s\n", domain, host, host, address
}
BEGIN {
	print "$ORIGIN test."
	print "$TTL 300"
	print "@ IN SOA ns.test. hostmaster.test. 1 3600 600 86400 60"
	print "@ IN NS ns.test."
	print "ns IN A 127.0.0.1"
	provider("gmail", "gmail-smtp-in.l.google.test.", "127.0.0.11")
	provider("gmx", "mx00.emig.gmx.test.", "127.0.0.12")
	provider("web", "mx-ha02.web.test.", "127.0.0.13")
	provider("outlook", "outlook-com.olc.protection.outlook.test.", "127.0.0.14")
	provider("yahoo", "mta5.am0.yahoodns.test.", "127.0.0.15")
	provider("t-online", "mx00.t-online.test.", "127.0.0.16")
	provider("icloud", "mx01.mail.icloud.test.", "127.0.0.17")
	provider("orange", "smtp-in.orange.test.", "127.0.0.18")
	print "mx1.hosting IN A 127.0.0.19"
	print "mx2.hosting IN A 127.0.0.19"
	for (i = 1; i <= 120; i++)
		printf "firma-%d IN MX 10 mx1.hosting.test.\nfirma-%d IN MX 20 mx2.hosting.test.\n", i, i
	print "news IN MX 10 bounces.news.test."
	print "bounces.news IN A 127.0.0.1"
	print "news IN TXT \"v=spf1 ip4:127.0.0.0/8 -all\""
	print "_dmarc.news IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc@news.test\""
}
