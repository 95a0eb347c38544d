# Numbers, money, dates and texts for a reader who lives somewhere.
mkdir locales
cat >locales/de.json <<-END
	{ "greeting": { "hello": "Hallo {{ name }}", "bye_html": "<b>Tschüss, {{ name }}</b>" },
	  "points": { "one": "{{ count }} Punkt", "other": "{{ count }} Punkte" } }
END
printf '{ "greeting": { "hello": "Hello {{ name }}" } }' >locales/en.json
cat >letter.liquid <<-'END'
	{{ "greeting.hello" | t: name: who }}, {{ "points" | t: count: 1 }}
	{{ 1234.5 | number }} {{ 9.5 | money: "EUR" }} {{ at | date: "%H:%M %Z" }}
END
cat >data.json <<-END
	{ "who": "<Ann>", "at": "2026-12-01T09:00:00Z" }
END
nbsp=$(printf '\302\240')
run 0 template render letter.liquid --data data.json --locales locales --locale de \
	--zone Europe/Berlin
is "Hallo &lt;Ann&gt;, 1 Punkt
1.234,5 9,50$nbsp€ 10:00 CET"
cat >ann.json <<-END
	{ "who": "Ann", "at": "2026-12-01T09:00:00Z", "locale": "en_US", "time_zone": "Asia/Tokyo" }
END
run 0 template render letter.liquid --data ann.json --locales locales --locale de \
	--zone Europe/Berlin
is "Hello Ann, 1 Punkt
1,234.5 €9.50 18:00 JST"
run 0 template render letter.liquid --data data.json --locales locales --locale de
prints "09:00 UTC"
# Without a default that has all texts, a letter does not compile.
run 6 template render letter.liquid --data data.json --locales locales
tells "letter.liquid:1:"
tells "locale 'en' has no text 'points'"
run 6 template render letter.liquid --data data.json
tells "there are no translations"
run 2 template render letter.liquid --zone Mars/Olympus
tells "no time zone is called 'Mars/Olympus'"
run 6 template render letter.liquid --locales nowhere
tells "nowhere: No such file"
printf '{ "a": "x",\n  "a": "y" }' >locales/fr.json
run 6 template render letter.liquid --locales locales
tells "locales/fr.json:2: duplicate object key"
printf '["a"]' >locales/fr.json
run 6 template render letter.liquid --locales locales
tells "locales/fr.json:1: is no JSON object"
printf '{ "a": "{{ b | c }}" }' >locales/fr.json
run 6 template render letter.liquid --locales locales
tells "locales/fr.json"
tells "a: between {{ and }} of a translation stands a name"
rm locales/fr.json
printf '{{ "x" | date: "%%F", zone: "Europe/Berln" }}' >bad.liquid
run 6 template render bad.liquid
tells "did you mean 'Europe/Berlin'?"
