// SPDX-License-Identifier: BSD-2-Clause

#include "syntax.hpp"

#include "usage.hpp"

#include <CLI/CLI.hpp>

namespace psm::cli {

Option Option::takes(std::string_view what)
{
    option_->type_name(std::string(what));
    return *this;
}

Option Option::required()
{
    option_->required();
    return *this;
}

Option Option::shows_preset()
{
    option_->capture_default_str();
    return *this;
}

Option Option::from_environment(const char* name)
{
    option_->envname(name);
    return *this;
}

Option Option::one_at_a_time()
{
    option_->allow_extra_args(false);
    return *this;
}

bool Option::given() const
{
    return option_->count() > 0;
}

Option Syntax::add(const char* names, std::string& value, const char* help)
{
    return Option(app_->add_option(names, value, help));
}

Option Syntax::add(const char* names, std::optional<std::string>& value,
                   const char* help)
{
    return Option(app_->add_option(names, value, help));
}

Option Syntax::add(const char* names, std::optional<std::int64_t>& value,
                   const char* help)
{
    return Option(app_->add_option(names, value, help));
}

Option Syntax::add(const char* names, std::vector<std::string>& values,
                   const char* help)
{
    return Option(app_->add_option(names, values, help));
}

void Syntax::add_flag(const char* names, bool& value, const char* help)
{
    app_->add_flag(names, value, help);
}

Syntax Syntax::add_command(const char* name, const char* summary)
{
    app_->require_subcommand(1);
    CLI::App* const command = app_->add_subcommand(name, summary);
    command->fallthrough();
    return Syntax(*command);
}

void Syntax::add_remark(const std::string& text)
{
    app_->footer(text + "\n\n" + app_->get_footer());
}

bool Syntax::given() const
{
    return app_->parsed();
}

CommandUsage Syntax::program_usage() const
{
    return read_usage(*app_->get_parent());
}

} // namespace psm::cli
