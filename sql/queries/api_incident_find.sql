select provider, (array['open', 'false-alarm', 'confirmed'])[state + 1]
from incidents where tenant_id = $1::int and id = $2::bigint
