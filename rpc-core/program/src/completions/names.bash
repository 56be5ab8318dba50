# Names that only a running server knows: PROGRAM is asked for them, with the words up to the cursor.
_PROGRAM_names() {
    local line=${COMP_LINE:0:COMP_POINT} words=('') last=0 begun='' quote='' char name program i
    # COMP_WORDS has HOST:PORT and --option=value in pieces, and quotes as they were typed.
    for ((i = 0; i < ${#line}; i++)); do
        char=${line:i:1}
        if [[ -z $quote && $char == [[:space:]] ]]; then
            [[ -z $begun ]] || words[++last]=''
            begun=''
            continue
        fi
        begun=1
        if [[ -n $quote && $char == "$quote" ]]; then
            quote=''
        elif [[ -z $quote && $char == [\"\'] ]]; then
            quote=$char
        else
            [[ $quote == "'" || $char != \\ ]] || char=${line:$((++i)):1}
            words[last]+=$char
        fi
    done
    words=("${words[@]/#\~\//$HOME/}")
    program=${words[0]}
    words=("${words[@]:1}")
    COMPREPLY=()
    while IFS= read -r name; do
        COMPREPLY+=("$name")
    done < <("$program" "${words[@]/#/--typed=}" 2>/dev/null)
    ((${#COMPREPLY[@]}))
}
