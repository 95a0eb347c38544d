-- What has changed since lists were counted goes into their counts.
select attribute_counts_fold($1::int)::text
