/* tls_report_send.c - see tls_report_send.h. The way of a report by mail is that of a test
 * send; that of one by HTTPS is libcurl. A domain chooses the URL, so it must not lead to this
 * machine or into its network, no redirect is followed and no proxy is asked. */
#include "engine/api/tls_report_send.h"

#include <curl/curl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/io/clock.h"

#define ASK_LIMIT USEC_MINUTE  /* for one bundle of questions, however slow DNS is */
#define POST_LIMIT_SECONDS 60L /* for a few kilobytes */

/* ---- who wants reports ---- */

struct asking {
	struct dns_question dns;
	struct tls_report_domain *domain;
	struct arena *arena;
	size_t *open_count;
	char name[DNS_NAME_SIZE + 16];
};

/* RFC 8460 3: records of other kinds are left out; unless one is left there is none. */
static void take_texts(struct asking *asking, const struct dns_answer *answer)
{
	str found = {};
	size_t count = 0;
	for (size_t i = 0; i < answer->count; i++) {
		if (!tlsrpt_is_record(answer->texts[i]))
			continue;
		found = answer->texts[i];
		count++;
	}
	str kept = count == 1 ? arena_copy(asking->arena, found) : (str){};
	asking->domain->wish = kept.data && tlsrpt_parse(kept, &asking->domain->record)
				       ? WISH_KNOWN
				       : WISH_NONE;
}

static void on_answer(struct dns_question *question, const struct dns_answer *answer)
{
	struct asking *asking = CHAIN_OWNER(question, struct asking, dns);
	--*asking->open_count;
	if (answer->status != DNS_TEMPORARY)
		take_texts(asking, answer);
	else
		snprintf(asking->domain->why, sizeof(asking->domain->why), "%s", answer->why);
}

static int ask_all(struct resolver *resolver, struct io_loop *loop, struct arena *arena,
		   struct tls_report_domain *domains, size_t count)
{
	size_t open_count = 0;
	struct asking *askings = ARENA_ARRAY(arena, struct asking, count + 1);
	for (size_t i = 0; askings && i < count; i++) {
		struct asking *asking = &askings[i];
		struct buf name;
		*asking = (struct asking){.dns.on_answer = on_answer,
					  .domain = &domains[i],
					  .arena = arena,
					  .open_count = &open_count};
		buf_init_fixed(&name, asking->name, sizeof(asking->name));
		buf_put_cstr(&name, "_smtp._tls.");
		buf_put(&name, domains[i].name);
		domains[i].wish = WISH_NONE; /* a name too long for DNS has no record */
		if (!buf_ok(&name) || name.size >= DNS_NAME_SIZE)
			continue;
		domains[i].wish = WISH_UNKNOWN;
		snprintf(domains[i].why, sizeof(domains[i].why), "no answer within a minute");
		open_count++;
		resolve_text(resolver, &asking->dns, buf_str(&name));
	}
	usec until = io_now(loop) + ASK_LIMIT;
	while (open_count > 0 && io_now(loop) < until)
		if (io_turn(loop, until) < 0)
			return -1;
	return askings ? 0 : -1;
}

int tls_report_ask(const struct engine_settings *settings, struct arena *arena,
		   struct tls_report_domain *domains, size_t count, char *ret_why,
		   size_t why_size)
{
	struct io_loop *loop;
	struct resolver *resolver = NULL;
	const struct io_options options = {.mask_new = settings->mask_new_io};
	if (io_loop_create(&loop, &options, ret_why, why_size) != 0)
		return -1;
	int result = resolver_create(&resolver, loop, &settings->dns);
	if (result == 0)
		result = ask_all(resolver, loop, arena, domains, count);
	if (result != 0)
		snprintf(ret_why, why_size,
			 "DNS could not be asked: is dns.server an address?");
	resolver_destroy(resolver);
	io_loop_destroy(loop);
	return result;
}

/* ---- by mail ---- */

static int sign(const struct engine_settings *settings, str message, size_t header_size,
		struct buf *signature)
{
	struct dkim_signer *signer = dkim_signer_create(
		(const struct dkim_key *const *)settings->dkim_keys, settings->dkim_key_count);
	int result =
		signer ? dkim_signer_sign(signer, message, header_size, clock_wall(), signature)
		       : -1;
	dkim_signer_destroy(signer);
	return result;
}

int tls_report_send_mail(const struct engine_settings *settings, struct arena *arena,
			 const struct tls_report *report, str gzip, str from, str to,
			 char *ret_reply, size_t reply_size)
{
	struct buf message, signature;
	size_t header_size;
	if (settings->dkim_key_count == 0) {
		snprintf(ret_reply, reply_size,
			 "a report by mail must be signed (RFC 8460 3): configure a dkim "
			 "section");
		return -1;
	}
	buf_init_arena(&message, arena, gzip.size * 2 + 4096);
	buf_init_arena(&signature, arena, 4096);
	if (tls_report_mail(report, gzip, from, to, clock_wall(), &message, &header_size) !=
		    0 ||
	    sign(settings, buf_str(&message), header_size, &signature) != 0) {
		snprintf(ret_reply, reply_size, "the report could not be signed");
		return -1;
	}
	const struct engine_letter letter = {.mail_from = from,
					     .to = to,
					     .signature = buf_str(&signature),
					     .message = buf_str(&message),
					     .tls_exempt = true};
	return engine_send_test(settings, &letter, ret_reply, reply_size);
}

/* ---- by HTTPS ---- */

struct posting {
	const struct tls_report_post *post;
	bool refused; /* it leads where no report goes */
	char trouble[CURL_ERROR_SIZE];
};

static curl_socket_t open_socket(void *context, curlsocktype, struct curl_sockaddr *to)
{
	struct posting *posting = context;
	struct net_address address = {};
	if (to->addrlen > sizeof(address))
		return CURL_SOCKET_BAD;
	memcpy(&address, &to->addr, to->addrlen);
	if (!net_address_is_public(&address) &&
	    !(posting->post->allow_loopback && net_address_is_loopback(&address))) {
		posting->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* What a server says about a report interests nobody. */
static size_t drop(char *, size_t size, size_t count, void *)
{
	return size * count;
}

static bool set_options(CURL *curl, struct posting *posting, struct curl_slist *headers)
{
	const struct tls_report_post *post = posting->post;
	return !curl_easy_setopt(curl, CURLOPT_URL, post->url) &&
	       !curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") &&
	       !curl_easy_setopt(curl, CURLOPT_PROXY, "") &&
	       !curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) &&
	       !curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) &&
	       !curl_easy_setopt(curl, CURLOPT_TIMEOUT, POST_LIMIT_SECONDS) &&
	       !curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, posting->trouble) &&
	       !curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
	       !curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, posting) &&
	       !curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop) &&
	       !curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) &&
	       (!post->ca_file || !curl_easy_setopt(curl, CURLOPT_CAINFO, post->ca_file)) &&
	       !curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)post->gzip.size) &&
	       !curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post->gzip.data);
}

/* RFC 8460 5.4: any 2xx is success. */
static int perform(CURL *curl, const struct posting *posting, char *ret_reply,
		   size_t reply_size)
{
	long status = 0;
	CURLcode result = curl_easy_perform(curl);
	if (result != CURLE_OK) {
		const char *trouble =
			posting->trouble[0] ? posting->trouble : curl_easy_strerror(result);
		snprintf(ret_reply, reply_size, "%s",
			 posting->refused ? "its address is not public" : trouble);
		return -1;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	snprintf(ret_reply, reply_size, "HTTP status %ld", status);
	return status >= 200 && status < 300 ? 0 : -1;
}

int tls_report_send_https(const struct tls_report_post *post, char *ret_reply,
			  size_t reply_size)
{
	struct posting posting = {.post = post};
	int result = -1;
	CURL *curl = curl_easy_init();
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/tlsrpt+gzip");
	if (curl && headers && set_options(curl, &posting, headers))
		result = perform(curl, &posting, ret_reply, reply_size);
	else
		snprintf(ret_reply, reply_size, "libcurl could not be set up");
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return result;
}
