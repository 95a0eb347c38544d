# Attachments, images, AMP and invitations come out of a campaign's folder, and back out of the
# database as a message that holds the checklist.
conninfo=$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_parts/')
cat >rundbrief.conf <<-END
	database { conninfo = "$conninfo" }
	sending { return_domain = bounce.example.com secret = secret }
END
printf 'a secret of more than thirty-two bytes' >secret
chmod 600 secret
printf 'email,first_name,invoice\nann@example.com,Ann,JVBERi0xLjQK\nbob@example.com,Bob,no base64!\ncy@example.com,Cy,\n' >people.csv
mkdir -p letter/images
cat >letter/campaign.conf <<-END
	subject = "Hello {{ first_name }}"
	from = "Ann <ann@example.com>"
	lists = { news }
	attach "terms.pdf" { name = "Geschäftsbedingungen.pdf" }
	attach "prices.csv" {}
	inline "logo.png" { cid = logo }
	calendar "invite.ics" { as = both }
	attach_from "invoice" { name = "Invoice {{ first_name }}.pdf" }
END
printf 'Hello {{ first_name }}\n' >letter/body.txt
printf '<p>Hello {{ first_name }}</p><img src="cid:logo"><img src="cid:door.jpg">{%% render "foot" %%}\n' >letter/body.html
mkdir letter/partials
printf '<img src="cid:images/foot.gif">' >letter/partials/foot.liquid
printf '<html ⚡4email><body>Hello</body></html>\n' >letter/body.amp.html
printf 'BEGIN:VCALENDAR\nMETHOD:REQUEST\nSUMMARY:{{ first_name }}\nEND:VCALENDAR\n' >letter/invite.ics
head -c 30000 /dev/urandom >letter/terms.pdf
printf 'a;b\n' >letter/prices.csv
printf 'P\001NG' >letter/logo.png
printf 'J\377PG' >letter/images/door.jpg
printf 'GIF' >letter/images/foot.gif
run 0 init
run 0 import people.csv --list news
run 0 campaign create letter
prints "revision 1"
run 0 campaign create letter
prints "unchanged"
[ "$(sql "select count(*) from parts")" = 5 ]
claim $? "five files are stored"

run 0 preview letter --to ann@example.com --raw --unsigned
cp out ann.eml
/usr/bin/python3 "$root/tests/golden/mime_check.py" ann.eml
claim $? "the message holds the checklist"
/usr/bin/python3 - ann.eml <<-'END'
	import email, email.policy, sys
	m = email.message_from_bytes(open(sys.argv[1], "rb").read(), policy=email.policy.default)
	parts = {p.get_filename(): p.get_payload(decode=True) for p in m.walk() if p.get_filename()}
	assert parts["Geschäftsbedingungen.pdf"] == open("letter/terms.pdf", "rb").read()
	assert parts["door.jpg"] == b"J\xffPG" and parts["foot.gif"] == b"GIF"
	assert parts["Invoice Ann.pdf"] == b"%PDF-1.4\n"
	assert b"SUMMARY:Ann\r\n" in parts["invite.ics"]
	types = [p.get_content_type() for p in m.walk()]
	assert types == ["multipart/mixed", "multipart/alternative", "text/plain", "text/x-amp-html",
	                 "multipart/related", "text/html", "image/png", "image/jpeg", "image/gif",
	                 "text/calendar", "application/pdf", "text/csv", "text/calendar",
	                 "application/pdf"], types
END
claim $? "every part is there, byte for byte"
run 6 preview letter --to bob@example.com --raw --unsigned
tells "this attribute is not base64: invoice"
run 6 preview letter --to cy@example.com --raw --unsigned
tells "this recipient has no file in the attribute invoice"

# Other bytes are another revision; the files that stayed are not stored again.
printf 'c;d\n' >letter/prices.csv
run 0 campaign create letter
prints "revision 2"
[ "$(sql "select count(*) from parts")" = 6 ]
claim $? "only the changed file is stored"
run 0 preview letter --to ann@example.com --raw --unsigned
prints "YztkCg=="

# Mistakes are told with their place, and nothing is stored.
printf '<p>Hello</p>\n<img alt="x" src="cid:no.png">\n' >letter/body.html
run 6 campaign create letter
tells "body.html:2:19: no image of the campaign has this cid: no.png"
printf '<p>Hello</p>\n<img src="cid:{{ first_name }}">\n' >letter/body.html
run 6 campaign create letter
tells "a cid: must name its image without Liquid"
printf '<p>Hello</p><img src="cid:logo">\n' >letter/body.html
sed -i 's/attach "prices.csv" {}/attach "none.csv" {}/' letter/campaign.conf
run 6 campaign create letter
tells "none.csv"
sed -i 's/attach "none.csv" {}/attach "prices.csv" { type = "text" }/' letter/campaign.conf
run 6 campaign create letter
tells 'a type is written like "application/pdf"'
sed -i 's/{ type = "text" }/{}/; $a attachment_limit = 20k' letter/campaign.conf
run 6 campaign create letter
tells "terms.pdf"
sed -i 's/attachment_limit = 20k/attachment_limit = 30003/' letter/campaign.conf
run 6 campaign create letter
tells "the limit is 30003 (attachment_limit)"
sed -i 's/attachment_limit = 30003/encoding = 8bit/' letter/campaign.conf
run 0 campaign create letter
run 0 preview letter --to ann@example.com --raw --unsigned
prints "Content-Transfer-Encoding: 8bit"
cp out ann.eml
/usr/bin/python3 "$root/tests/golden/mime_check.py" ann.eml
claim $? "in 8 bits, too"
sed -i 's/^from = .*/from = "Ann <ann@bücher.example>"/; $a reply_to = "post@bücher.example"' letter/campaign.conf
run 0 campaign create letter
run 0 preview letter --to ann@example.com --raw --unsigned
prints "From: Ann <ann@xn--bcher-kva.example>"
prints "Reply-To: post@xn--bcher-kva.example"
sed -i 's/ann@bücher/änn@bücher/' letter/campaign.conf
run 6 campaign create letter
run 0 campaign delete letter
[ "$(sql "select count(*) from parts")" = 0 ]
claim $? "a campaign's files go with it"
run 0 help campaign
prints "attach_from"
