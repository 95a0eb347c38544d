-- Who of a campaign waits for another attempt, by provider. The index is asked for one provider
-- after the other; of one at most 10,001 are counted.
with recursive p as (
	(select provider from deferrals
		where tenant_id = $1::int and campaign_id = $2::bigint and slice_id is null
		order by provider limit 1)
	union all
	select (select d.provider from deferrals d
		where d.tenant_id = $1::int and d.campaign_id = $2::bigint and d.slice_id is null
			and d.provider > p.provider
		order by d.provider limit 1)
	from p where p.provider is not null)
select p.provider, w.count, (extract(epoch from w.next_due) * 1000000)::bigint
from p
cross join lateral (
	select count(*), min(x.due_at) as next_due from (
		select d.due_at from deferrals d
		where d.tenant_id = $1::int and d.campaign_id = $2::bigint and d.slice_id is null
			and d.provider = p.provider limit 10001) x) w
where p.provider is not null
order by w.count desc, p.provider
limit 50
