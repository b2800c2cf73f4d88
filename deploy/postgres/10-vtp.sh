#!/bin/sh
# PostgreSQL's image runs this once, when it makes the cluster: the backend gets a role of its own, which owns its
# database and nothing else. Name and password are those of the secret `database_url`, so that they stand in one place.
set -eu
url=$(cat "$DATABASE_URL_FILE")
login=${url#*://}
login=${login%%@*}
VTP_ROLE=${login%%:*} VTP_PASSWORD=${login#*:}
export VTP_ROLE VTP_PASSWORD
# Through the environment: a password on the command line is there for every process to see.
psql -v ON_ERROR_STOP=1 --no-psqlrc -U "${POSTGRES_USER:-postgres}" -d "$POSTGRES_DB" <<'SQL'
\getenv role VTP_ROLE
\getenv password VTP_PASSWORD
CREATE ROLE :"role" LOGIN PASSWORD :'password';
SELECT current_database() AS database \gset
ALTER DATABASE :"database" OWNER TO :"role";
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
SQL
