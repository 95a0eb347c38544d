-- Opens an incident, or finds the one that is open. Rates come in millionths.
select incident_id, is_new, held from incident_open($1::integer, $2::text, $3::timestamptz,
	$4::timestamptz, ($5::integer / 1e6)::real, ($6::integer / 1e6)::real, $7::integer, $8::integer)
