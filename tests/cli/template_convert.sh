# template convert: Liquid on standard output, what was lost on standard error with its place.
printf 'Hi *|FNAME|*,\n*|IF:CITY|*in *|CITY|**|END:IF|* {{ kept }}\n' >mc.html
run 0 template convert --from mailchimp mc.html
prints 'Hi {{ first_name }},'
prints '{% if city != blank and city != 0 %}in {{ city }}{% endif %}'
prints '{% raw %}{{ kept }}{% endraw %}'
tells "mc.html:1:4: default merge values"
run 0 template convert --from mailchimp mc.html --quiet
quiet
printf 'Hi {{name}}{{#each items}}, {{n}} of {{../name}}{{/each}}' >hb.html
run 0 template convert hb.html --from handlebars
is 'Hi {{ name }}{% for item in items %}, {{ item.n }} of {{ name }}{% endfor %}'
quiet
cp out hb.liquid
run 0 template render hb.liquid --data '{"name": "Ann", "items": [{"n": 1}, {"n": 2}]}'
is 'Hi Ann, 1 of Ann, 2 of Ann'
printf 'one\n  {{fancy name}} {{name}}' >lost.html
run 6 template convert --from handlebars lost.html
prints '{% comment %}not converted: unknown helper:   fancy name  {% endcomment %} {{ name }}'
tells "lost.html:2:3: not converted, unknown helper: {{fancy name}}"
printf '{{ .Subscriber.Email }} {{ TrackView }}' >in
run 0 template convert --from listmonk -
is '{{ email }} '
printf '{{var:city:"x"}} [[UNSUB_LINK_EN]]' >mj.html
run 0 template convert --from mjml-merge mj.html
is '{{ city | default: "x" }} {{ unsubscribe_url }}'
run 2 template convert mc.html
run 2 template convert --from mailchmp mc.html
tells "mailchimp"
run 3 template convert --from mailchimp missing.html
i=0
while [ $i -lt 70 ]; do printf '{{#if a}}'; i=$((i + 1)); done >deep.html
run 6 template convert --from handlebars deep.html
tells "nested more than 60 deep"
