-- A campaign that runs pauses, or ends, for a reason.
select campaign_hold($1::integer, $2::bigint, $3::text, $4::boolean)
