// SPDX-License-Identifier: BSD-2-Clause
//
// Two tables, as functions with a `case`, and what looks things up in them. It
// does without the functions of bash-completion, which need not be there.

#include "completion.hpp"
#include "usage.hpp"

namespace psm::cli {

namespace {

constexpr std::string_view head =
    R"sh(# bash completion for psm-token, printed by `psm-token completion bash`.

)sh";

// What a table says an option takes, beside words.
constexpr std::string_view any_text = "@text";
constexpr std::string_view a_file = "@file";
constexpr std::string_view a_grant = "@grant";
constexpr std::string_view a_scope = "@scope";

constexpr std::string_view engine = R"sh(
# What the word under the cursor may become, in COMPREPLY.
_psm_token_reply() { # what its table says, the word, what stands before it
    local words=$1 word=$2 before=$3
    case $words in
    @file)
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    @grant)
        if [[ $word != *:* ]]; then return; fi
        before+=${word%:*}:
        word=${word##*:}
        words=$_psm_token_levels
        ;;
    @text) return ;;
    *) words=${words/@scope/$_psm_token_scopes} ;;
    esac
    local each
    for each in $words; do
        if [[ $each == "$word"* ]]; then COMPREPLY+=("$before$each"); fi
    done
}

_psm_token() {
    # bash takes : and = for the ends of words: glue them together again.
    local line=${COMP_LINE:0:COMP_POINT} blank piece at glued=()
    for ((at = 0; at <= COMP_CWORD; at++)); do
        blank=${line%%[![:space:]]*}
        line=${line#"$blank"}
        piece=${COMP_WORDS[at]}
        ((at < COMP_CWORD)) || piece=$line
        line=${line#"$piece"}
        if [[ -n $blank || $at == 0 ]]; then
            glued+=("$piece")
        else
            glued[-1]+=$piece
        fi
    done

    local command='' number=1 option='' takes commands options
    for piece in "${glued[@]:1:${#glued[@]}-2}"; do
        if [[ -n $option ]]; then
            option=
        elif [[ $piece == -?* ]]; then
            if _psm_token_takes "$command" "$piece"; then option=$piece; fi
        elif _psm_token_below "$command" && [[ " $commands " == *" $piece "* ]]; then
            command+=" $piece"
        else
            number=$((number + 1))
        fi
    done

    local now=${glued[-1]}
    COMPREPLY=()
    _psm_token_below "$command"
    if [[ -n $option ]]; then
        _psm_token_takes "$command" "$option"
        _psm_token_reply "$takes" "$now" ''
    elif [[ $now == --*=* ]]; then
        _psm_token_takes "$command" "${now%%=*}" \
            && _psm_token_reply "$takes" "${now#*=}" "${now%%=*}="
    elif [[ $now == -* ]]; then
        _psm_token_reply "$options" "$now" ''
    else
        _psm_token_takes "$command" "$number"
        _psm_token_reply "${commands:-$takes}" "$now" ''
    fi

    # Only what follows the last : or = will be replaced.
    local kept='' mark
    for mark in : =; do
        if [[ $COMP_WORDBREAKS == *$mark* && $now == *$mark* ]]; then
            piece=${now%"${now##*"$mark"}"}
            if ((${#piece} > ${#kept})); then kept=$piece; fi
        fi
    done
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -F _psm_token psm-token
)sh";

/// As the tables name a command: each word behind a blank.
std::string label(const CommandUsage& command)
{
    const std::string path = join_path(command);
    return path.empty() ? "" : " " + path;
}

std::string table_entry(std::string_view takes)
{
    if (takes == takes_file) {
        return std::string(a_file);
    }
    if (takes == takes_grant) {
        return std::string(a_grant);
    }
    std::string text = join_words(words_of(takes));
    const std::string scopes = join_words(words_of(takes_scope));
    if (const std::size_t at = text.find(scopes); at != std::string::npos) {
        text.replace(at, scopes.size(), a_scope);
    }
    return text.empty() ? std::string(any_text) : text;
}

/// What stands below each command: `commands` and `options`.
std::string below_table(const CommandUsage& program)
{
    std::string text = "_psm_token_below() { # a command\n"
                       "    commands='' options=''\n"
                       "    case $1 in\n";
    for (const CommandUsage* const command : flatten(program)) {
        std::vector<std::string> commands;
        std::vector<std::string> options;
        for (const CommandUsage& below : command->commands) {
            commands.push_back(below.path.back());
        }
        for (const OptionUsage& option : options_behind(*command, program)) {
            options.insert(options.end(), option.names.begin(),
                           option.names.end());
        }
        text += "    '" + label(*command) + "')\n        commands='" +
                join_words(commands) + "'\n        options='" +
                join_words(options) + "'\n        ;;\n";
    }
    return text + "    esac\n}\n\n";
}

std::string takes_row(const std::string& pattern, const OptionUsage& option)
{
    return "    " + pattern + ") takes='" + table_entry(option.takes) +
           "' ;;\n";
}

/// What an option, or an argument by its number, takes.
std::string takes_table(const CommandUsage& program)
{
    std::string text = "_psm_token_takes() { # a command, an option or the "
                       "number of an argument\n"
                       "    case \"$1 $2\" in\n";
    for (const CommandUsage* const command : flatten(program)) {
        // Those of the program are understood behind every command.
        std::string begin = command == &program ? "*'" : "'";
        begin += label(*command);
        for (const OptionUsage& option : command->options) {
            for (const std::string& name : option.names) {
                if (!option.takes.empty()) {
                    std::string pattern = begin;
                    pattern += " " + name + "'";
                    text += takes_row(pattern, option);
                }
            }
        }
        int number = 0;
        for (const OptionUsage& argument : command->arguments) {
            number++;
            text += takes_row(
                begin + " " + std::to_string(number) + "'" +
                    (argument.repeats ? "|" + begin + " '[0-9]*" : ""),
                argument);
        }
    }
    return text + "    *)\n        takes=@text\n        return 1\n"
                  "        ;;\n    esac\n}\n";
}

} // namespace

std::string bash_completion(const CommandUsage& program)
{
    std::string text(head);
    text += "_psm_token_scopes='" + join_words(words_of(takes_scope)) +
            "'\n_psm_token_levels='" + join_words(words_of(level_words())) +
            "'\n\n" + below_table(program) + takes_table(program);
    return text + std::string(engine);
}

} // namespace psm::cli
