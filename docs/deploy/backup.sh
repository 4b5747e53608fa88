#!/bin/sh
# A copy of the database that DATABASE_URL names, in a folder: sh backup.sh FOLDER [HOW_MANY_TO_KEEP]
# It may run beside everything else. A copy has its name once it is whole; 30 are kept.
set -eu
umask 077
folder=${1:?expected the folder for the copies}
keep=${2:-30}
url=${DATABASE_URL:?DATABASE_URL is not set}
mkdir -p "$folder"
name=$folder/hedgetrail-$(date -u +%Y%m%dT%H%M%SZ)

case $url in
postgres*://*:*@*)
    echo "DATABASE_URL holds a password, which others on this machine would see while it is copied: put it into ~/.pgpass" >&2
    exit 2
    ;;
postgres*://*)
    copy=$name.dump
    pg_dump --format=custom --no-owner --file="$copy.part" --dbname="$url"
    pg_restore --list "$copy.part" >"$copy.contents"
    rm "$copy.contents"
    ;;
sqlite:///*)
    copy=$name.sqlite3
    sqlite3 "${url#sqlite:///}" ".timeout 60000" ".backup '$copy.part'"
    test "$(sqlite3 "$copy.part" 'PRAGMA integrity_check')" = ok
    ;;
*)
    echo "expected a DATABASE_URL of PostgreSQL or SQLite" >&2
    exit 2
    ;;
esac
mv "$copy.part" "$copy"

# The names sort by time: the oldest beyond those that are kept go.
ls -1 "$folder"/hedgetrail-*.dump "$folder"/hedgetrail-*.sqlite3 2>/dev/null | sort | head -n "-$keep" |
    while read -r old; do rm "$old"; done
echo "$copy"
