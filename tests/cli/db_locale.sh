# A campaign in two languages: what each reader gets, and what creating it refuses.
cat >rundbrief.conf <<-END
	database { conninfo = "$(echo "$conninfo" | sed 's/dbname=.*/dbname=cli_locale/')" }
	sending { return_domain = bounce.example.com secret = secret base_url = "https://news.example.com" }
END
run 0 init
cat >people.csv <<-END
	email,first_name,locale,time_zone,points
	ann@example.com,Ann,en_US,America/New_York,1
	bob@example.com,Bob,de-AT,Europe/Vienna,12500
	eve@example.com,Eve,xx,Mars/Olympus,2
END
run 0 import people.csv --list news
mkdir -p spring/locales
cat >spring/campaign.conf <<-END
	name = "spring"
	subject = "{{ 'subject' | t: name: first_name }}"
	from = "Ann Example <ann@example.com>"
	lists = { "news" }
	locale = de
	zone = "Europe/Berlin"
END
cat >spring/body.txt <<-'END'
	{{ "points" | t: count: points }} {{ points | number }} {{ 9.5 | money: "EUR" }}
	{{ "2026-12-01T09:00:00Z" | date: "%H:%M %Z" }}
END
cat >spring/locales/de.json <<-END
	{ "subject": "Neues für {{ name }}",
	  "points": { "one": "{{ count }} Punkt,", "other": "{{ count }} Punkte," } }
END
printf '{ "subject": "News for {{ name }}" }' >spring/locales/en.json
nbsp=$(printf '\302\240')
run 0 campaign create spring
run 0 campaign create spring
prints "unchanged"
run 0 preview spring --to ann@example.com
prints "News for Ann"
prints "1 Punkt, 1 €9.50"
prints "04:00 EST"
run 0 preview spring --to bob@example.com
prints "Neues für Bob"
prints "12500 Punkte, 12${nbsp}500 €${nbsp}9,50"
prints "10:00 CET"
run 0 preview spring --to eve@example.com
prints "Neues für Eve"
prints "2 Punkte, 2 9,50${nbsp}€"
prints "10:00 CET"
# Attributes of other names; a window's word for the zone counts too.
cat >>spring/campaign.conf <<-END
	name = "other"
	recipient_locale = "first_name"
	window { from = "00:00" until = "24:00" recipient_zone = "locale" }
END
run 0 campaign create spring
run 0 preview other --to ann@example.com
prints "Neues für Ann"
prints "10:00 CET"
printf '{ "subject": "x" }' >spring/locales/de.json
run 6 campaign create spring
tells "spring/body.txt:1:"
tells "locale 'de' has no text 'points'"
printf '{ "subject": "x" ' >spring/locales/de.json
run 6 campaign create spring
tells "spring/locales/de.json:1:"
printf '{ "subject": "{{ x y }}" }' >spring/locales/de.json
run 6 campaign create spring
tells "spring/locales/de.json"
sed -i 's|Europe/Berlin|Europe/Berln|' spring/campaign.conf
run 6 campaign create spring
tells "zone: no time zone is called 'Europe/Berln'"
