/* locale_load.c - see locale_load.h.
 * ICU's formatters take a quarter of a millisecond to open, and there are 850 locales with 157
 * currencies: so what CLDR says is read from ICU's resource bundles (ures.h), each from its own
 * locale, and what it does not say from its parents': de_AT, de, root. */
#include "engine/data/locale_load.h"

#include <pthread.h>
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/ucurr.h>
#include <unicode/udata.h>
#include <unicode/uloc.h>
#include <unicode/unumsys.h>
#include <unicode/ures.h>
#include <unicode/ustring.h>

#include "engine/base/map.h"
#include "engine/io/heap.h"

#define CURRENCY_DATA U_ICUDATA_NAME U_TREE_SEPARATOR_STRING "curr"

enum {
	LOCALES_LIMIT = 2000,
	CURRENCIES_LIMIT = 400,
	TEXT_LIMIT = 4096, /* a plural rule with its examples */
	PATH_LIMIT = 5,
	SIGNS_LIMIT = 64, /* of a currency's symbol, of ten digits */
	PARENTS_LIMIT = 10,
};

/* A locale being made; its bundle is asked by its children too. */
struct source {
	const char *name; /* "de_AT" */
	UResourceBundle *bundle;
	struct source *parent;
	struct locale *locale;
};

struct loading {
	struct arena *arena;
	struct arena own; /* what only loading needs */
	struct map sources, systems, plurals;
	struct locale_name *names;
	size_t count;
	struct currency *currencies;
	size_t currency_count;
	UResourceBundle *plural_data;
	bool failed; /* memory is out */
};

static void *keep(struct loading *loading, void *memory)
{
	loading->failed = loading->failed || !memory;
	return memory;
}

/* ICU's UTF-16 as text with a NUL behind it; data NULL: it is none, or too long. */
static str text_of(struct loading *loading, const UChar *text, int32_t size)
{
	char bytes[TEXT_LIMIT];
	int32_t written;
	UErrorCode status = U_ZERO_ERROR;
	u_strToUTF8(bytes, sizeof(bytes), &written, text, size, &status);
	if (U_FAILURE(status))
		return (str){};
	str copy = arena_copy(loading->arena, str_make(bytes, (size_t)written));
	keep(loading, (void *)(uintptr_t)copy.data);
	return copy;
}

/* What stands in a bundle under names in names; NULL: nothing. To be closed. */
static UResourceBundle *descend(const UResourceBundle *bundle, const char *const path[])
{
	UErrorCode status = U_ZERO_ERROR;
	UResourceBundle *at = ures_getByKey(bundle, path[0], NULL, &status);
	for (size_t i = 1; i < PATH_LIMIT && path[i] && U_SUCCESS(status); i++)
		at = ures_getByKey(at, path[i], at, &status);
	if (U_SUCCESS(status))
		return at;
	ures_close(at);
	return NULL;
}

static str text_at(struct loading *loading, const UResourceBundle *bundle,
		   const char *const path[])
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t size;
	UResourceBundle *at = descend(bundle, path);
	if (!at)
		return (str){};
	const UChar *text = ures_getString(at, &size, &status);
	str found = U_SUCCESS(status) ? text_of(loading, text, size) : (str){};
	ures_close(at);
	return found;
}

/* Of the locale or the nearest of its parents. */
static str inherited(struct loading *loading, const struct source *source, bool with_root,
		     const char *const path[])
{
	str found = {};
	for (; source && !found.data; source = source->parent)
		if (with_root || source->parent)
			found = text_at(loading, source->bundle, path);
	return found;
}

/* In the locale's own numbering system, else as with latin digits. The root only refers most
 * systems to latin ones, in words that make ours look up the root's latin: it is not asked,
 * but for those that it describes. */
static str number_element(struct loading *loading, const struct source *source, str system,
			  const char *table, const char *name)
{
	const char *const own[PATH_LIMIT] = {"NumberElements", system.data, table, name};
	const char *const latin[PATH_LIMIT] = {"NumberElements", "latn", table, name};
	bool described = str_starts(system, STR("arab"));
	str found = inherited(loading, source, described, own);
	return found.data ? found : inherited(loading, source, true, latin);
}

/* The digit 0 of a numbering system; '0' where digits are no run of ten characters. */
static uint32_t zero_of(struct loading *loading, str system)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar digits[SIGNS_LIMIT];
	UChar32 signs[SIGNS_LIMIT] = {'0'};
	void *known = map_get(&loading->systems, system);
	if (known)
		return (uint32_t)(uintptr_t)known;
	UNumberingSystem *numbering = unumsys_openByName(system.data, &status);
	if (U_SUCCESS(status) && !unumsys_isAlgorithmic(numbering)) {
		int32_t size = unumsys_getDescription(numbering, digits, SIGNS_LIMIT, &status);
		u_strToUTF32(signs, SIGNS_LIMIT, &size, digits, size, &status);
	}
	UChar32 zero = U_SUCCESS(status) ? signs[0] : '0';
	unumsys_close(numbering);
	if (map_put(&loading->systems, system, (void *)(uintptr_t)zero) != 0)
		loading->failed = true;
	return (uint32_t)zero;
}

static void read_pattern(struct loading *loading, str text, str minus,
			 struct locale_pattern *pattern)
{
	if (!locale_pattern_read(loading->arena, text.data ? text : STR("#,##0.###"),
				 minus.data ? minus : STR("-"), pattern))
		loading->failed = true;
}

static str or_else(str text, str otherwise)
{
	return text.data ? text : otherwise;
}

static void read_numbers(struct loading *loading, const struct source *source)
{
	static const char *const default_path[PATH_LIMIT] = {"NumberElements", "default"};
	static const char *const least_path[PATH_LIMIT] = {"NumberElements",
							   "minimumGroupingDigits"};
	struct locale *locale = source->locale;
	str system = or_else(inherited(loading, source, true, default_path), STR("latn"));
	str least = inherited(loading, source, true, least_path);
	uint64_t digits;
	locale->zero = zero_of(loading, system);
	locale->group_least = str_to_u64(least, &digits) && digits < 10 ? (uint8_t)digits : 1;
	str minus = number_element(loading, source, system, "symbols", "minusSign");
	locale->point = or_else(number_element(loading, source, system, "symbols", "decimal"),
				STR("."));
	locale->separator =
		or_else(number_element(loading, source, system, "symbols", "group"), STR(","));
	locale->money.point =
		or_else(number_element(loading, source, system, "symbols", "currencyDecimal"),
			locale->point);
	locale->money.separator =
		or_else(number_element(loading, source, system, "symbols", "currencyGroup"),
			locale->separator);
	read_pattern(loading,
		     number_element(loading, source, system, "patterns", "decimalFormat"),
		     minus, &locale->number);
	read_pattern(loading,
		     number_element(loading, source, system, "patterns", "currencyFormat"),
		     minus, &locale->money.pattern);
}

static int compare_codes(const void *code, const void *currency)
{
	return memcmp(code, ((const struct currency *)currency)->code, CURRENCY_CODE_SIZE);
}

/* CLDR's currencySpacing: what is neither a symbol nor a space stands apart from digits. */
static bool is_letter(UChar32 c)
{
	return (U_MASK(u_charType(c)) & (U_GC_S_MASK | U_GC_Z_MASK)) == 0;
}

/* A currency with a pattern and separators of its own: { symbol, name, { ... } }. */
static const struct locale_money *own_money(struct loading *loading, UResourceBundle *entry,
					    const struct source *source)
{
	UErrorCode status = U_ZERO_ERROR;
	str texts[3] = {};
	UResourceBundle *format = ures_getByIndex(entry, 2, NULL, &status);
	for (int32_t i = 0; i < 3 && U_SUCCESS(status); i++) {
		int32_t size;
		const UChar *text = ures_getStringByIndex(format, i, &size, &status);
		if (U_SUCCESS(status))
			texts[i] = text_of(loading, text, size);
	}
	ures_close(format);
	struct locale_money *money =
		keep(loading, ARENA_NEW(loading->arena, struct locale_money));
	if (U_FAILURE(status) || !money)
		return NULL;
	str minus = number_element(loading, source, STR("latn"), "symbols", "minusSign");
	read_pattern(loading, texts[0], minus, &money->pattern);
	money->point = texts[1];
	money->separator = texts[2];
	return money;
}

static bool read_currency(struct loading *loading, UResourceBundle *entry,
			  const struct source *source, struct locale_currency *currency)
{
	UErrorCode status = U_ZERO_ERROR;
	int32_t size, count = 0;
	UChar32 signs[SIGNS_LIMIT] = {};
	const char *code = ures_getKey(entry);
	if (!code || strlen(code) != CURRENCY_CODE_SIZE ||
	    !bsearch(code, loading->currencies, loading->currency_count,
		     sizeof(struct currency), compare_codes))
		return false;
	const UChar *symbol = ures_getStringByIndex(entry, 0, &size, &status);
	if (U_FAILURE(status))
		return false;
	u_strToUTF32(signs, SIGNS_LIMIT, &count, symbol, size, &status);
	if (U_FAILURE(status) || count == 0)
		return false;
	*currency = (struct locale_currency){.letter_first = is_letter(signs[0]),
					     .letter_last = is_letter(signs[count - 1]),
					     .symbol = text_of(loading, symbol, size)};
	memcpy(currency->code, code, CURRENCY_CODE_SIZE);
	if (ures_getSize(entry) > 2)
		currency->own = own_money(loading, entry, source);
	return true;
}

/* The bundle's tables are in the order of their keys. */
static void read_currencies(struct loading *loading, const struct source *source)
{
	UErrorCode status = U_ZERO_ERROR;
	struct locale_currency found[CURRENCIES_LIMIT];
	size_t count = 0;
	UResourceBundle *bundle = ures_openDirect(CURRENCY_DATA, source->name, &status);
	UResourceBundle *table = ures_getByKey(bundle, "Currencies", NULL, &status);
	UResourceBundle *entry = NULL;
	int32_t size = U_SUCCESS(status) ? ures_getSize(table) : 0;
	for (int32_t i = 0; i < size && count < CURRENCIES_LIMIT; i++) {
		entry = ures_getByIndex(table, i, entry, &status);
		if (U_FAILURE(status))
			break;
		count += read_currency(loading, entry, source, &found[count]);
	}
	ures_close(entry);
	ures_close(table);
	ures_close(bundle);
	struct locale_currency *kept =
		keep(loading, ARENA_ARRAY(loading->arena, struct locale_currency, count + 1));
	if (!kept)
		return;
	memcpy(kept, found, count * sizeof *kept);
	source->locale->currencies = kept;
	source->locale->currency_count = count;
}

static const struct plural_rules *read_rules(struct loading *loading, str set)
{
	str texts[PLURAL_COUNT] = {};
	const struct plural_rules *rules = map_get(&loading->plurals, set);
	if (rules || !set.data)
		return rules;
	for (int i = 0; i < PLURAL_COUNT; i++) {
		const char *const path[PATH_LIMIT] = {"rules", set.data,
						      plural_name((enum plural)i)};
		texts[i] = text_at(loading, loading->plural_data, path);
	}
	struct plural_rules *read = plural_rules_read(loading->arena, texts);
	if (read && map_put(&loading->plurals, set, read) != 0)
		loading->failed = true;
	return read;
}

/* Plurals are a list of their own: pt_PT, else pt. */
static const struct plural_rules *plural_for(struct loading *loading,
					     const struct source *source)
{
	const struct plural_rules *rules = NULL;
	for (; source && !rules; source = source->parent) {
		const char *const path[PATH_LIMIT] = {"locales", source->name};
		rules = read_rules(loading, text_at(loading, loading->plural_data, path));
	}
	return rules;
}

static struct source *source_for(struct loading *, const char *name, int depth);

/* As the locale says itself, else without its last part. */
static struct source *parent_of(struct loading *loading, UResourceBundle *bundle,
				const char *name, int depth)
{
	static const char *const parent_path[PATH_LIMIT] = {"%%Parent"};
	if (strcmp(name, "root") == 0 || depth == PARENTS_LIMIT)
		return NULL;
	str parent = text_at(loading, bundle, parent_path);
	if (!parent.data)
		parent = arena_copy(loading->arena, locale_name_above(str_of(name)));
	return source_for(loading, parent.size ? parent.data : "root", depth + 1);
}

static struct source *make_source(struct loading *loading, UResourceBundle *bundle,
				  const char *name, int depth)
{
	struct source *source = keep(loading, ARENA_NEW(&loading->own, struct source));
	str copy = arena_copy(loading->arena, str_of(name));
	if (!source || !keep(loading, (void *)(uintptr_t)copy.data) ||
	    !keep(loading, source->locale = ARENA_NEW(loading->arena, struct locale)))
		return NULL;
	source->name = copy.data;
	source->bundle = bundle;
	source->parent = parent_of(loading, bundle, name, depth);
	source->locale->name = copy;
	source->locale->parent = source->parent ? source->parent->locale : NULL;
	read_numbers(loading, source);
	read_currencies(loading, source);
	source->locale->plural = plural_for(loading, source);
	return source;
}

/* A name that is another's stands for that. A name without data stands for what is above it.
 * NULL: memory is out, or there is no root. */
static struct source *source_for(struct loading *loading, const char *name, int depth)
{
	UErrorCode status = U_ZERO_ERROR, ignored = U_ZERO_ERROR;
	struct source *source = map_get(&loading->sources, str_of(name));
	if (source)
		return source;
	UResourceBundle *bundle = ures_openDirect(NULL, name, &status);
	if (U_FAILURE(status))
		return parent_of(loading, NULL, name, depth);
	const char *real = ures_getLocaleByType(bundle, ULOC_ACTUAL_LOCALE, &ignored);
	bool other = U_SUCCESS(ignored) && real && real[0] && strcmp(real, name) != 0;
	if (other && depth < PARENTS_LIMIT) {
		source = source_for(loading, real, depth + 1);
		ures_close(bundle);
	} else {
		source = make_source(loading, bundle, name, depth);
		if (!source)
			ures_close(bundle);
	}
	str key = arena_copy(&loading->own, str_of(name));
	if (source && (!key.data || map_put(&loading->sources, key, source) != 0))
		loading->failed = true;
	return source;
}

static void add_locale(struct loading *loading, const char *name)
{
	struct source *source = source_for(loading, name, 0);
	str shown = arena_copy(loading->arena, str_of(name));
	if (!source || !shown.data || loading->count == LOCALES_LIMIT)
		return;
	for (char *c = (char *)(uintptr_t)shown.data; *c; c++)
		*c = *c == '_' ? '-' : *c;
	loading->names[loading->count++] = (struct locale_name){shown, source->locale};
}

static void add_locales(struct loading *loading)
{
	UErrorCode status = U_ZERO_ERROR;
	const char *name;
	UEnumeration *all =
		uloc_openAvailableByType(ULOC_AVAILABLE_WITH_LEGACY_ALIASES, &status);
	add_locale(loading, "root");
	while (U_SUCCESS(status) && (name = uenum_next(all, NULL, &status)))
		add_locale(loading, name);
	uenum_close(all);
}

static int compare_currencies(const void *a, const void *b)
{
	return compare_codes(((const struct currency *)a)->code, b);
}

static void read_codes(struct loading *loading)
{
	UErrorCode status = U_ZERO_ERROR;
	const char *code;
	UEnumeration *all =
		ucurr_openISOCurrencies(UCURR_COMMON | UCURR_NON_DEPRECATED, &status);
	while (U_SUCCESS(status) && loading->currency_count < CURRENCIES_LIMIT &&
	       (code = uenum_next(all, NULL, &status))) {
		struct currency *currency = &loading->currencies[loading->currency_count];
		UChar wide[CURRENCY_CODE_SIZE + 1] = {};
		if (!str_to_cstr(str_of(code), currency->code, sizeof(currency->code)) ||
		    strlen(code) != CURRENCY_CODE_SIZE)
			continue;
		u_charsToUChars(code, wide, CURRENCY_CODE_SIZE);
		int32_t decimals = ucurr_getDefaultFractionDigits(wide, &status);
		currency->decimals = (uint8_t)(decimals < 0 ? 0 : decimals);
		loading->currency_count++;
	}
	uenum_close(all);
	qsort(loading->currencies, loading->currency_count, sizeof(struct currency),
	      compare_currencies);
}

static void close_bundles(struct loading *loading)
{
	size_t index = 0;
	struct map_entry *entry;
	while ((entry = map_next(&loading->sources, &index))) {
		struct source *source = entry->value;
		ures_close(source->bundle); /* more names may share it */
		source->bundle = NULL;
	}
	ures_close(loading->plural_data);
}

static int compare_names(const void *a, const void *b)
{
	return locale_name_compare(((const struct locale_name *)a)->name,
				   ((const struct locale_name *)b)->name);
}

const struct locales *locales_load(struct arena *arena)
{
	UErrorCode status = U_ZERO_ERROR;
	struct loading loading = {.arena = arena};
	struct locales *locales = ARENA_NEW(arena, struct locales);
	loading.names = ARENA_ARRAY(arena, struct locale_name, LOCALES_LIMIT);
	loading.currencies = ARENA_ARRAY(arena, struct currency, CURRENCIES_LIMIT);
	if (!locales || !loading.names || !loading.currencies)
		return NULL;
	arena_init(&loading.own, heap_source(), 0, 0);
	map_init(&loading.sources, &loading.own, 0);
	map_init(&loading.systems, &loading.own, 0);
	map_init(&loading.plurals, &loading.own, 0);
	loading.plural_data = ures_openDirect(NULL, "plurals", &status);
	read_codes(&loading);
	add_locales(&loading);
	struct source *root = map_get(&loading.sources, STR("root"));
	const struct locale *root_locale = root ? root->locale : NULL;
	close_bundles(&loading);
	arena_done(&loading.own);
	if (loading.failed || !root_locale)
		return NULL;
	qsort(loading.names, loading.count, sizeof *loading.names, compare_names);
	*locales = (struct locales){.names = loading.names,
				    .count = loading.count,
				    .root = root_locale,
				    .currencies = loading.currencies,
				    .currency_count = loading.currency_count};
	return locales;
}

static struct arena memory; /* of the process, as what is in it */
static const struct locales *process_locales;

static void load_once(void)
{
	arena_init(&memory, heap_source(), 0, 0);
	process_locales = locales_load(&memory);
}

const struct locales *locales_icu(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load_once);
	return process_locales;
}
