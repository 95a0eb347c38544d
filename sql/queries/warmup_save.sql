-- What warmup_lock has locked, as it is now. A day that has never been is 0.
update warmups set step = $4::integer,
	day = date '1970-01-01' + nullif($5::integer, 0),
	step_since = date '1970-01-01' + nullif($6::integer, 0),
	mailed_day = date '1970-01-01' + nullif($7::integer, 0),
	counted = $8::integer,
	held = $9::text
where tenant_id = $1::integer and source = $2::text and provider = $3::text
