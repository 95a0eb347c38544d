-- Which of the names are no lists.
select wanted from jsonb_array_elements_text($2::jsonb) wanted
where not exists (select from lists where tenant_id = $1::int and name = wanted)
