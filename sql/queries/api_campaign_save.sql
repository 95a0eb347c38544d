-- A draft is made or changed; a campaign that was launched keeps its audience, and what comes back
-- is its state as it is.
with saved as (
	insert into campaigns (tenant_id, name, in_doubt_policy, list_ids, excluded_list_ids, filter)
	select $1::int, $2::text, $3::smallint,
		array(select id from lists where tenant_id = $1::int
			and name in (select jsonb_array_elements_text($4::jsonb))),
		array(select id from lists where tenant_id = $1::int
			and name in (select jsonb_array_elements_text($5::jsonb))),
		nullif($6::text, '')
	on conflict (tenant_id, name) do update
		set in_doubt_policy = excluded.in_doubt_policy, list_ids = excluded.list_ids,
			excluded_list_ids = excluded.excluded_list_ids, filter = excluded.filter
		where campaigns.state = 0
	returning id, state, revision)
select id, state, revision from saved
union all
select id, state, revision from campaigns
where tenant_id = $1::int and name = $2::text and not exists (select from saved)
