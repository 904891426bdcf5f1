#!/bin/sh
# Answers git's question for credentials ($2: get) from a file of lines "scheme host user secret", tab-separated ($1).
# Only a line for exactly the scheme and host (with port) that git names is given; what git says afterwards is ignored.
[ "$2" = get ] || exit 0
scheme= host=
while IFS= read -r line && [ -n "$line" ]; do
    case $line in
    protocol=*) scheme=${line#protocol=} ;;
    host=*) host=${line#host=} ;;
    esac
done
host=$(printf %s "$host" | tr '[:upper:]' '[:lower:]')
while IFS='	' read -r its_scheme its_host user secret; do
    if [ "$its_scheme" = "$scheme" ] && [ "$its_host" = "$host" ]; then
        printf 'username=%s\npassword=%s\n' "$user" "$secret"
        exit 0
    fi
done <"$1"
