# list.awk - a sample list: awk -v n=2000 -f list.awk > list.csv
# Mixed providers by rough market shares, a long tail of small domains, and what real lists have:
# duplicates, a misspelt domain, a line without an address. The same n gives the same list.
function pick(list, count,    words) {
	split(list, words, " ")
	return words[1 + int(rand() * count)]
}
function domain(    share) {
	share = rand()
	if (share < 0.30) return "gmail.test"
	if (share < 0.42) return "gmx.test"
	if (share < 0.52) return "web.test"
	if (share < 0.62) return "outlook.test"
	if (share < 0.69) return "yahoo.test"
	if (share < 0.75) return "t-online.test"
	if (share < 0.80) return "icloud.test"
	if (share < 0.84) return "orange.test"
	if (share < 0.842) return "gmial.test"
	return "firma-" (1 + int(rand() * 120)) ".test"
}
BEGIN {
	srand(20261121)
	firsts = "Anna Ben Clara David Emma Felix Greta Hannes Ida Jakob Karla Lukas Mia Noah Olga Paul Rosa Simon Tom Ute Vera Willi Zoë Jörg Łucja René Søren Ayşe"
	lasts = "Schmidt Meyer Weber Wagner Becker Schulz Hoffmann Koch Bauer Richter Klein Wolf Neumann Schwarz Braun Krüger Hofmann Lange Krause Lehmann"
	cities = "Berlin Hamburg München Köln Frankfurt Stuttgart Leipzig Dresden Bremen Hannover Zürich Wien"
	print "Email,Name,First_Name,City,Plan,Points"
	for (i = 1; i <= n; i++) {
		first = pick(firsts, 28)
		last = pick(lasts, 20)
		address = "reader" i "@" domain()
		plan = rand() < 0.2 ? "plus" : "basic"
		points = int(rand() * 2500)
		if (i % 997 == 0)
			address = "no-address-here"
		printf "%s,%s %s,%s,%s,%s,%d\n", address, first, last, rand() < 0.05 ? "" : first, pick(cities, 12), plan, points
	}
}
