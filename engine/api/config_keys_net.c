/* config_keys_net.c - the keys of how mail leaves: DNS, sources, SMTP and TLS, relays, routes.
 */
#include "engine/api/config_keys.h"

#include <assert.h>

#include "engine/net/mx.h"

const struct key config_dns_keys[] = {
	TEXT(config_dns, server, "",
	     "Address of the DNS server to ask; empty: those of /etc/resolv.conf. A caching "
	     "resolver on this machine pays off."),
	COUNT(config_dns, port, NULL, 1, 65535, "53", "Its port."),
	DURATION(config_dns, timeout, 100 * USEC_MS, USEC_MINUTE, "5s",
		 "How long one try may take."),
	COUNT(config_dns, tries, NULL, 1, 10, "3", "How often a question is put."),
	BOOL(config_dns, ipv6, "true", "Ask for IPv6 addresses of mail servers too."),
	BOOL(config_dns, trust_ad, "false",
	     "The server validates DNSSEC, and nobody can come between it and this machine: a "
	     "resolver such as unbound on a loopback address, no other (RFC 7672 2.1). Without "
	     "it DANE is off."),
	END,
};

const struct key config_source_keys[] = {
	TEXT(config_source, address, "",
	     "Local address to send from, IPv4 or IPv6; empty: the system chooses. By a proxy: "
	     "the address that the proxy sends from."),
	TEXT(config_source, address6, "", "A second one, IPv6, beside an IPv4 address."),
	TEXT(config_source, helo, "",
	     "Name said in EHLO: it should resolve to this address, and the address back to "
	     "it. Empty: the host's name."),
	TEXT(config_source, proxy, "",
	     "Leave by a proxy: \"socks5://ADDRESS:PORT\" (RFC 1928), or "
	     "\"haproxy://ADDRESS:PORT\" for a relay that takes the PROXY header, version 2. "
	     "IPv6 addresses stand in brackets. Empty: none."),
	TEXT(config_source, proxy_user, "", "Login of a SOCKS5 proxy (RFC 1929); empty: none."),
	SECRET_FILE(config_source, proxy_password, "File with its password in one line."),
	TEXT(config_source, warmup, "",
	     "It is new: name of the warmup section by which it begins, or standard. What a "
	     "day does not allow leaves by the warm sources of its pool; where there is none, "
	     "it waits. Empty: it is warm."),
	END,
};

const struct key config_pool_keys[] = {
	LIST(config_pool, sources, "Names of its sources: { \"out1\", \"out2\" }."),
	LIST(config_pool, weights,
	     "Share of the mail of each, in the order of sources, 1 to 1000: { 3, 1 }; left "
	     "out, all the same. A recipient keeps the source that these shares gave him."),
	END,
};

const struct key config_warmup_keys[] = {
	LIST(config_warmup, days,
	     "Messages to one provider on the first day, the second and so on, ascending: { "
	     "200, 500, 1k, 2k }; after the last one the source is warm. Left out, those of "
	     "standard."),
	TEXT(config_warmup, hours, "00:00-24:00",
	     "The sending window of each day: the allowance is spread over what is left of it. "
	     "See sending.day_zone."),
	TEXT(config_warmup, start, "",
	     "Date before which nothing leaves by the source, as 2026-03-01; empty: at once."),
	TEXT(config_warmup, defer_limit, "10%",
	     "More than that of a day's attempts deferred or blocked for the source's sake, "
	     "and the next day allows no more than this one. Greylisting does not count."),
	TEXT(config_warmup, complaint_limit, "0.1%", "The same for complaints."),
	TEXT(config_warmup, least_used, "10%",
	     "The same when less than that of a day's allowance was sent: it tells too "
	     "little."),
	COUNT(config_warmup, idle_days, "days", 0, 3650, "30",
	      "After so many days without mail half of the days reached are lost, and again "
	      "after as many more; 0: never."),
	END,
};

static const char *const tls_minimums[] = {"1.2", "1.3", NULL};
const struct key config_smtp_keys[] = {
	COUNT(config_smtp, port, NULL, 1, 65535, "25", "Port of the recipients' mail servers."),
	BOOL(config_smtp, allow_loopback, "false",
	     "Deliver to 127.0.0.0/8 and ::1 when DNS points there; for tests only."),
	{"tls", KEY_CHOICE, AT(config_smtp, tls), NULL, 0, 0, "may", tls_wish_names, 0,
	 "none: clear text; may: STARTTLS where it is offered, without checking the "
	 "certificate "
	 "(RFC 7435), as mail servers do among themselves; encrypt: no mail without it; "
	 "verify: "
	 "nor without a certificate for the host's name; mta-sts: as the domain's policy asks "
	 "(RFC 8461), else may; dane: as its TLSA records ask (RFC 7672), else mta-sts. A row "
	 "of the table of providers may ask for more; what a route says stands."},
	FILE_OF(config_smtp, ca_file,
		"File with the certificates in PEM of who may vouch for servers, of mail and "
		"of "
		"MTA-STS policies; empty: the system's."),
	FILE_OF(config_smtp, certificate,
		"File with our own certificate in PEM, its chain behind it, shown to servers "
		"that "
		"ask for one; empty: none."),
	SECRET_FILE(config_smtp, certificate_key, "File with the certificate's private key."),
	CHOICE(config_smtp, tls_minimum, "1.2", tls_minimums,
	       "The oldest version of TLS that is spoken."),
	COUNT(config_smtp, policy_port, NULL, 1, 65535, "443",
	      "Port that MTA-STS policies are fetched from; another one is for tests."),
	BOOL(config_smtp, address_literals, "false",
	     "Import and deliver to addresses such as ann@[192.0.2.1]; otherwise lists are "
	     "taken "
	     "without them, and they fail."),
	CHOICE(config_smtp, ip, "both", ip_family_policy_names,
	       "Which addresses of a mail server are tried. both: IPv4 first, some of IPv6 at "
	       "the "
	       "end; prefer-ipv6, prefer-ipv4: that one first; only-ipv4, only-ipv6: no "
	       "other."),
	TEXT(config_smtp, congestion, "cubic",
	     "Congestion control of TCP towards mail servers, one that this kernel has; empty: "
	     "the system's."),
	BOOL(config_smtp, dsn, "false",
	     "Ask servers that offer it to report failures, and to return headers only (DSN, "
	     "RFC 3461)."),
	LIVE_DURATION(config_smtp, greeting_timeout, USEC_SECOND, USEC_HOUR, "5m",
		 "How long to wait for the 220 greeting (RFC 5321 4.5.3.2)."),
	LIVE_DURATION(config_smtp, command_timeout, USEC_SECOND, USEC_HOUR, "5m",
		 "How long to wait for the reply to EHLO, MAIL and RCPT."),
	LIVE_DURATION(config_smtp, data_timeout, USEC_SECOND, USEC_HOUR, "2m",
		 "How long to wait for the 354."),
	LIVE_DURATION(config_smtp, block_timeout, USEC_SECOND, USEC_HOUR, "3m",
		 "How long the server may take to accept one block of a message."),
	LIVE_DURATION(config_smtp, end_timeout, USEC_SECOND, USEC_HOUR, "10m",
		 "How long to wait for the reply to a whole message. Too short a wait leaves "
		 "messages in doubt."),
	END,
};

static const char *const protocols[] = {"smtp", "lmtp", NULL};
/* 0, then as enum tls_wish. */
static const char *const tls_choices[] = {"auto",   "none",    "may",  "encrypt",
					  "verify", "mta-sts", "dane", NULL};
static_assert(sizeof(tls_choices) / sizeof(tls_choices[0]) == TLS_WISH_COUNT + 2);

const struct key config_relay_keys[] = {
	TEXT(config_relay, host, "", "Name or address of the relay."),
	COUNT(config_relay, port, NULL, 0, 65535, "0",
	      "Its port; 0: smtp.port, or 465 with implicit_tls."),
	CHOICE(config_relay, protocol, "smtp", protocols,
	       "smtp, or lmtp (RFC 2033) for a mail store nearby."),
	CHOICE(config_relay, tls, "auto", tls_choices,
	       "As smtp.tls, for this relay. auto: verify where there is a login, otherwise as "
	       "smtp.tls says, at least may. A relay has no mta-sts: that is may here."),
	BOOL(config_relay, implicit_tls, "false",
	     "TLS from the first byte, without STARTTLS (RFC 8314)."),
	COUNT(config_relay, weight, NULL, 1, 1000, "1",
	      "Share of the mail among relays of one preference."),
	COUNT(config_relay, preference, NULL, 0, 65535, "0",
	      "Lower ones come first; others are for when those fail."),
	TEXT(config_relay, user, "", "Login (AUTH, RFC 4954); empty, and no token: none."),
	SECRET_FILE(config_relay, password,
		    "File with the password in one line, which others may not read."),
	TEXT(config_relay, password_env, "",
	     "In place of password: name of the environment variable that holds it."),
	LIST(config_relay, mechanisms,
	     "Ways of AUTH that may be used, by preference; without it all that the relay "
	     "offers, "
	     "the strongest first. Known are SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS, "
	     "SCRAM-SHA-256, "
	     "SCRAM-SHA-1, OAUTHBEARER, XOAUTH2, CRAM-MD5, PLAIN, LOGIN."),
	BOOL(config_relay, auth_in_clear, "false",
	     "Show passwords and tokens without TLS, too: to a relay on this machine at most."),
	TEXT(config_relay, token_endpoint, "",
	     "OAuth: URL where access tokens are fetched (RFC 6749), https, or http on a "
	     "loopback "
	     "address."),
	TEXT(config_relay, client_id, "", "OAuth: who asks for them."),
	SECRET_FILE(config_relay, client_secret, "OAuth: file with the client's secret."),
	SECRET_FILE(config_relay, refresh_token,
		    "OAuth: file with the refresh token; without it tokens are those of the "
		    "client itself (client_credentials)."),
	TEXT(config_relay, token_scope, "", "OAuth: what is asked for; empty: not said."),
	SECRET_FILE(config_relay, token,
		    "In place of token_endpoint: file with an access token as such."),
	END,
};

const struct key config_route_keys[] = {
	LIST(config_route, relays, "Names of relays that take this mail, in the place of MX."),
	TEXT(config_route, host, "",
	     "In place of relays: name or address of a relay without a section of its own."),
	COUNT(config_route, port, NULL, 0, 65535, "0", "The host's port; 0: smtp.port."),
	CHOICE(config_route, tls, "auto", tls_choices,
	       "As smtp.tls, in its place and in that of the relays. auto: as those say."),
	TEXT(config_route, pool, "",
	     "Name of the pool of sources this mail leaves by; a campaign's own comes first."),
	END,
};
