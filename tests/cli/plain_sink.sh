# The sink's summary as JSON, alone on standard output.
port=$(free_port)
"$program" sink --listen "127.0.0.1:$port" --json >out 2>err &
sink=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	grep -q listening err && break
	sleep 0.2
done
kill $sink
wait $sink
is_json
prints '"accepted":0'
run 2 sink --jsn
tells "see --help"
