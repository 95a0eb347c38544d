-- What is due becomes a slice that its engine holds, marked as started: the claim is the mark.
with slice as (
	insert into slices (tenant_id, campaign_id, kind, state, count, lo_id, hi_id, lease_engine_id,
		lease_epoch, lease_token, ids)
	values ($1::integer, $2::bigint, 3, 1, $6::integer, $7::bigint, $8::bigint, $3::integer,
		$4::integer, $5::bigint, $9::bytea)
	returning id),
marked as (
	insert into start_marks (tenant_id, campaign_id, slice_id, engine_id, epoch, ids)
	select $1, $2, id, $3, $4, $9 from slice),
taken as (
	update outbox o set state = 1, address_key = coalesce(w.key, o.address_key)
	from unnest($10::bigint[], $11::text[]) as w(id, key)
	where o.tenant_id = $1 and o.id = w.id)
select id from slice
