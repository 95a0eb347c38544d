# zone.awk - the demo's private DNS, a root zone of its own: awk -f zone.awk > demo.zone
# Readers' domains all end in .test, so a question that went astray could reach nobody.
function provider(domain, host, address) {
	printf "%s.test. IN MX 10 %s\n%s IN A %s\n", domain, host, host, address
}
BEGIN {
	print "$ORIGIN ."
	print "$TTL 300"
	print "@ IN SOA ns.test. hostmaster.test. 1 3600 600 86400 60"
	print "@ IN NS ns.test."
	print "ns.test. IN A 127.0.0.1"
	provider("gmail", "gmail-smtp-in.l.google.test.", "127.0.0.11")
	provider("gmx", "mx00.emig.gmx.test.", "127.0.0.12")
	provider("web", "mx-ha02.web.test.", "127.0.0.13")
	provider("outlook", "outlook-com.olc.protection.outlook.test.", "127.0.0.14")
	provider("yahoo", "mta5.am0.yahoodns.test.", "127.0.0.15")
	provider("t-online", "mx00.t-online.test.", "127.0.0.16")
	provider("icloud", "mx01.mail.icloud.test.", "127.0.0.17")
	provider("orange", "smtp-in.orange.test.", "127.0.0.18")
	print "mx1.hosting.test. IN A 127.0.0.19"
	print "mx2.hosting.test. IN A 127.0.0.19"
	for (i = 1; i <= 120; i++)
		printf "firma-%d.test. IN MX 10 mx1.hosting.test.\nfirma-%d.test. IN MX 20 mx2.hosting.test.\n", i, i
	print "news.example.com. IN MX 10 bounces.news.example.com."
	print "bounces.news.example.com. IN MX 10 bounces.news.example.com."
	print "bounces.news.example.com. IN A 127.0.0.1"
	print "bounces.news.example.com. IN TXT \"v=spf1 ip4:127.0.0.0/8 -all\""
	print "news.example.com. IN TXT \"v=spf1 ip4:127.0.0.0/8 -all\""
	print "_dmarc.news.example.com. IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc@news.example.com\""
}
