/* GNU Readline. Its state is in global variables, which Swift refuses; these functions stand for the few that the shell
   needs. Only one thread may use them, and Readline. */
#ifndef INVENTORYD_CREADLINE_SHIM_H
#define INVENTORYD_CREADLINE_SHIM_H

#include <stdio.h>

#include <readline/history.h>
#include <readline/readline.h>

/* Before Readline is first used: what it is called in ~/.inputrc, and that signals are not its business. */
static inline void invctl_readline_adopt(void) {
    rl_readline_name = "invctl";
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
}

static inline const char *invctl_readline_line(void) { return rl_line_buffer; }
static inline int invctl_readline_point(void) { return rl_point; }
static inline int invctl_readline_end(void) { return rl_end; }
static inline void invctl_readline_set_point(int point) { rl_point = point; }

#endif
