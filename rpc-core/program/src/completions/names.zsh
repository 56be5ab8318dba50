# Names that only a running server knows: PROGRAM is asked for them, with the words up to the cursor.
_PROGRAM_names() {
    local -a typed names
    typed=("${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}")
    typed=("${(@)typed/#\~\//$HOME/}")
    names=("${(@f)$($typed[1] "--typed=${(@)^typed[2,-1]}" 2>/dev/null)}")
    [[ -n $names ]] && compadd -a names
}
