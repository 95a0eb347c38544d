/* date.c - days since 1970 to a civil date, counted in eras of 400 years that begin on a first
 * of March, so that the leap day is the last day of its year and needs no exception.
 *
 *   date-time = [ day-of-week "," ] date time
 *   date      = day month year
 *   time      = hour ":" minute [ ":" second ] FWS ( "+" / "-" ) 4DIGIT      RFC 5322 3.3 */
#include "engine/mail/date.h"

#define DAYS_OF_ERA 146097                /* 400 years */
#define DAYS_TO_1970 719468               /* from 0000-03-01 */
#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31 23:59:59 */

struct civil {
	unsigned year, month, day; /* month and day from 1 */
};

static struct civil civil_of(uint64_t days_since_1970)
{
	uint64_t days = days_since_1970 + DAYS_TO_1970;
	uint64_t era = days / DAYS_OF_ERA;
	unsigned of_era = (unsigned)(days % DAYS_OF_ERA);
	/* Takes the leap days off before dividing by 365: one in 4 years (1460 days), not in
	 * 100 (36524), but again at the very end of the era. */
	unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
	/* From March on, months run 31 30 31 30 31 twice: 153 days in five months. */
	unsigned from_march = (5 * of_year + 2) / 153;
	unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;
	return (struct civil){
		.year = (unsigned)(era * 400) + year + (month <= 2),
		.month = month,
		.day = of_year - (153 * from_march + 2) / 5 + 1,
	};
}

static void put_two(char *at, unsigned number)
{
	at[0] = (char)('0' + number / 10);
	at[1] = (char)('0' + number % 10);
}

void date_put(struct buf *out, usec wall)
{
	static const char days[] = "ThuFriSatSunMonTueWed"; /* 1970-01-01 was a Thursday */
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t seconds = wall < 0 ? 0 : wall / USEC_SECOND;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	uint64_t day_number = (uint64_t)seconds / 86400;
	unsigned of_day = (unsigned)((uint64_t)seconds % 86400);
	struct civil date = civil_of(day_number);

	char text[] = "Thu, 01 Jan 1970 00:00:00 +0000";
	memcpy(text, days + 3 * (day_number % 7), 3);
	put_two(text + 5, date.day);
	memcpy(text + 8, months + (size_t)3 * (date.month - 1), 3);
	put_two(text + 12, date.year / 100);
	put_two(text + 14, date.year % 100);
	put_two(text + 17, of_day / 3600);
	put_two(text + 20, of_day / 60 % 60);
	put_two(text + 23, of_day % 60);
	buf_put(out, STR(text));
}
