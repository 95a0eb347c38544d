-- What counts of them from now on. What counted before stands in its row as it was told, and is not
-- final any more. It was never delivered, which nothing takes the place of: so it is no pack's.
with moved as (
	select * from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::integer[],
		$7::integer[], $8::integer[], $9::text[], $10::bigint[])
		as m(campaign_id, subscriber_id, final_slice_id, final, verdict, class, tries, provider,
			old_slice_id)),
undone as (
	update delivery_rows d set final = false from moved m
	where m.old_slice_id >= 0 and d.tenant_id = $1::integer and d.campaign_id = m.campaign_id
		and d.slice_id = m.old_slice_id and d.subscriber_id = m.subscriber_id and d.final)
update burials b set final = m.final = 1, final_slice_id = m.final_slice_id, verdict = m.verdict,
	class = m.class, tries = m.tries, provider = m.provider
from moved m
where b.tenant_id = $1 and b.campaign_id = m.campaign_id and b.subscriber_id = m.subscriber_id
