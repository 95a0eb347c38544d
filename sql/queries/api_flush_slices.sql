-- What was put back because its path could not take it is looked at again: whole slices, whatever
-- is in them. Tells how many recipients that are.
with chosen as (
	select s.campaign_id, s.id from slices s
	join campaigns c on c.tenant_id = $1::int and c.id = s.campaign_id and c.state in (1, 2)
	where s.tenant_id = $1::int and s.state = 0 and s.due_at > now()
		and ($2::bigint is null or s.campaign_id = $2::bigint)
	order by s.campaign_id, s.id for update of s skip locked),
moved as (
	update slices s set due_at = now() from chosen x
	where s.tenant_id = $1::int and s.campaign_id = x.campaign_id and s.id = x.id
	returning s.count)
select coalesce(sum(count), 0) from moved
