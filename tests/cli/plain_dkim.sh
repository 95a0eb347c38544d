# dkim keygen: a key nobody else can read, a record to publish, never an overwritten key.
run 0 dkim keygen --domain example.com --selector s1 --out s1.pem
prints "s1._domainkey.example.com."
prints "v=DKIM1"
[ "$(stat -c %a s1.pem)" = 600 ]
claim $? "the key is readable for its owner only"
cp s1.pem before.pem
run 1 dkim keygen --domain example.com --selector s1 --out s1.pem
tells "a key is never overwritten"
cmp -s s1.pem before.pem
claim $? "the key is as it was"
run 0 dkim keygen --domain example.com --selector e1 --type ed25519 --out e1.pem --json
is_json
prints "k=ed25519"
run 2 dkim keygen --domain example.com --selector e1
tells "--out"
run 2 dkim keygen --domain example.com --selector x --type dsa --out x.pem
