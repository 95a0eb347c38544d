-- Deferrals of a provider ($3) or domain ($4), perhaps of one campaign ($2), get another source: the
-- sources $6, by turns of the subscriber's number; only those whose source is $5, when that is not
-- NULL. What leaves a source for another one is due now.
with chosen as (
	select d.campaign_id, d.subscriber_id from deferrals d
	join campaigns c on c.tenant_id = $1::int and c.id = d.campaign_id and c.state in (1, 2)
	where d.tenant_id = $1::int and d.slice_id is null
		and ($2::bigint is null or d.campaign_id = $2::bigint)
		and ($3::text is null or d.provider = $3::text)
		and ($4::text is null or exists (select from subscribers s
			where s.tenant_id = $1::int and s.id = d.subscriber_id and s.domain = $4::text))
		and ($5::text is null or d.source = $5::text)
		and d.source <> ($6::text[])[1 + d.subscriber_id % cardinality($6::text[])]
	order by d.campaign_id, d.subscriber_id for update of d skip locked)
update deferrals d set due_at = least(d.due_at, now()),
	source = ($6::text[])[1 + d.subscriber_id % cardinality($6::text[])]
from chosen x
where d.tenant_id = $1::int and d.campaign_id = x.campaign_id and d.subscriber_id = x.subscriber_id
