# Names that only a running server knows: PROGRAM is asked for them, with the words up to the cursor.
function __fish_PROGRAM_names
    set -l words (commandline -opc | string replace -r '^~/' "$HOME/")
    set -l begun (commandline -ct)
    command $words[1] --typed=$words[2..-1] --typed="$begun" 2>/dev/null
end
complete -c PROGRAM -a '(__fish_PROGRAM_names)'
