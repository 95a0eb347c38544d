-- Stands in for a migration that comes with another branch; it is not to be merged.
select 1;
