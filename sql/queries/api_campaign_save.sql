-- A draft is made or changed; a campaign that was launched keeps its audience, and what comes back
-- is its state as it is, and whether the audience is the one it has. Its split is in the settings,
-- which are compared as a whole.
with saved as (
	insert into campaigns (tenant_id, name, in_doubt_policy, list_ids, excluded_list_ids, filter, kind,
		split, hold_out)
	select $1::int, $2::text, $3::smallint,
		array(select id from lists where tenant_id = $1::int
			and name in (select jsonb_array_elements_text($4::jsonb))),
		array(select id from lists where tenant_id = $1::int
			and name in (select jsonb_array_elements_text($5::jsonb))),
		nullif($6::text, ''), $7::smallint, $8::integer[], $9::integer
	on conflict (tenant_id, name) do update
		set in_doubt_policy = excluded.in_doubt_policy, list_ids = excluded.list_ids,
			excluded_list_ids = excluded.excluded_list_ids, filter = excluded.filter,
			kind = excluded.kind, split = excluded.split, hold_out = excluded.hold_out
		where campaigns.state = 0
	returning id, state, revision)
select id, state, revision, true from saved
union all
select id, state, revision,
	(select array_agg(l.name order by l.name) from lists l
		where l.tenant_id = $1::int and l.id = any (list_ids)) is not distinct from
		(select array_agg(distinct n order by n) from jsonb_array_elements_text($4::jsonb) n)
	and (select array_agg(l.name order by l.name) from lists l
		where l.tenant_id = $1::int and l.id = any (excluded_list_ids)) is not distinct from
		(select array_agg(distinct n order by n) from jsonb_array_elements_text($5::jsonb) n)
	and filter is not distinct from nullif($6::text, '') and kind = $7::smallint
from campaigns
where tenant_id = $1::int and name = $2::text and not exists (select from saved)
