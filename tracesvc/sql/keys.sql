-- name: insert_key!
-- Stores a new key by its hash. $1 key_hash  $2 key_id  $3 party_id  $4 roles  $5 record_time
INSERT INTO api_key (key_hash, key_id, party_id, roles, record_time)
VALUES ($1, $2, $3, $4, $5);

-- name: find_key
-- A key that is in force. $1 key_hash
SELECT key_id, party_id, roles FROM api_key WHERE key_hash = $1 AND revoked_time IS NULL;

-- name: list_keys
-- Every key ever made, oldest first.
SELECT key_id, party_id, roles, record_time, revoked_time FROM api_key ORDER BY record_time, key_id;

-- name: revoke_key
-- Ends a key; returns nothing where there is none in force. $1 key_id  $2 revoked_time
UPDATE api_key SET revoked_time = $2 WHERE key_id = $1 AND revoked_time IS NULL RETURNING key_id;
