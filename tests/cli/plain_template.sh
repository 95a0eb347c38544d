# template render writes exactly the bytes; mistakes have line, column and a caret.
printf 'Hello {{ name }}' >a.liquid
printf '{"name": "Ann & <Bob>"}' >data.json
run 0 template render a.liquid --data data.json
is "Hello Ann &amp; &lt;Bob&gt;"
[ "$(wc -c <out)" -eq 27 ]
claim $? "adds no line end"
run 0 template render a.liquid --data data.json --autoescape none
is "Hello Ann & <Bob>"
run 0 template render a.liquid
is "Hello "
cp data.json in
run 0 template render a.liquid --data -
prints "Ann"
printf 'line one\n{{ name | upcsae }}\n' >bad.liquid
run 6 template render bad.liquid
tells "bad.liquid:2:"
tells "{{ name | upcsae }}"
tells "^"
mkdir -p parts
printf 'one' >parts/a.liquid
printf 'two' >parts/b
printf "{%% render 'a' %%}{%% render 'b' %%}" >p.liquid
run 0 template render p.liquid --partials parts
is "onetwo"
printf "{%% render '../data.json' %%}" >climb.liquid
run 6 template render climb.liquid --partials parts
run 6 template render p.liquid
printf '[1, 2]' >list.json
run 6 template render a.liquid --data list.json
tells "is not a JSON object"
printf '{"a": ' >broken.json
run 6 template render a.liquid --data broken.json
run 3 template render missing.liquid
run 2 template render a.liquid --autoescape maybe
run 0 template render a.liquid --data '{"name": "Eve"}'
is "Hello Eve"
