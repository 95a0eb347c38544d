-- Whether the hours of a campaign's window are open in these zones, by their places.
select number, is_open, changes_at from campaign_zones($1::integer, $2::bigint, $3::text[])
