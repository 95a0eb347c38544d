-- A new revision, unless the newest has the same content. Returns the newest number and whether
-- it is new.
with newest as (
	select c.revision as number, t.settings, t.html, t.text
	from campaigns c
	left join templates t on t.tenant_id = c.tenant_id and t.campaign_id = c.id
		and t.revision = c.revision
	where c.tenant_id = $1::int and c.id = $2::bigint
	for update of c),
added as (
	insert into templates (tenant_id, campaign_id, revision, settings, html, text)
	select $1::int, $2::bigint, number + 1, $3::jsonb, $4::text, $5::text from newest
	where number = 0 or settings is distinct from $3::jsonb or html is distinct from $4::text
		or newest.text is distinct from $5::text
	returning revision),
moved as (
	update campaigns set revision = added.revision from added
	where tenant_id = $1::int and id = $2::bigint)
select coalesce((select revision from added), number), exists (select from added) from newest
