-- name: insert_party
-- Stores a party, or nothing where the id is taken.
-- $1 party_id  $2 party_type  $3 name  $4 region  $5 cut_in_date  $6 record_time
INSERT INTO party (party_id, party_type, name, region, cut_in_date, record_time)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
RETURNING party_id;

-- name: fetch_party
-- One party. $1 party_id
SELECT party_id, party_type, name, region, cut_in_date FROM party WHERE party_id = $1;

-- name: list_parties
-- Parties in order of id. $1 party_id (exclusive)  $2 page size
SELECT party_id, party_type, name, region, cut_in_date
  FROM party
 WHERE party_id > $1
 ORDER BY party_id
 LIMIT $2;
