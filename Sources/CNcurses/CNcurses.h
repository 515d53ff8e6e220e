/* What Swift's importer cannot see of ncurses: the wide interface, macros with casts, and global variables. */
#ifndef CNCURSES_H
#define CNCURSES_H

#define NCURSES_WIDECHAR 1
#define _XOPEN_SOURCE_EXTENDED 1
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>

typedef WINDOW *cn_window;

static const attr_t cn_bold = WA_BOLD;
static const attr_t cn_dim = WA_DIM;
static const attr_t cn_italic = WA_ITALIC;
static const attr_t cn_underline = WA_UNDERLINE;
static const attr_t cn_reverse = WA_REVERSE;
static const attr_t cn_blink = WA_BLINK;

static const mmask_t cn_all_mouse_events = ALL_MOUSE_EVENTS | REPORT_MOUSE_POSITION;
static const mmask_t cn_button1 = BUTTON1_PRESSED;
static const mmask_t cn_button1_released = BUTTON1_RELEASED;
static const mmask_t cn_button2 = BUTTON2_PRESSED;
static const mmask_t cn_button3 = BUTTON3_PRESSED;
static const mmask_t cn_wheel_up = BUTTON4_PRESSED;
static const mmask_t cn_wheel_down = BUTTON5_PRESSED;
static const mmask_t cn_motion = REPORT_MOUSE_POSITION;
static const mmask_t cn_shift = BUTTON_SHIFT;
static const mmask_t cn_control = BUTTON_CTRL;

static inline cn_window cn_standard_window(void) { return stdscr; }
static inline cn_window cn_current_window(void) { return curscr; }
static inline int cn_colors(void) { return COLORS; }
static inline int cn_pairs(void) { return COLOR_PAIRS; }
static inline int cn_rows(void) { return LINES; }
static inline int cn_columns(void) { return COLS; }
static inline SCREEN *cn_open(const char *terminal, FILE *output, FILE *input) {
    return newterm(terminal, output, input);
}
/* From <term.h>, which defines short words such as `columns` as macros and so stays out. */
extern int setupterm(const char *terminal, int descriptor, int *problem);
extern int tigetnum(const char *capability);
extern char *tigetstr(const char *capability);
extern int wcwidth(wchar_t character);

/* The string of a capability, or null if the terminal has none. */
static inline const char *cn_capability(const char *name) {
    char *text = tigetstr(name);
    return text == (char *)-1 ? NULL : text;
}

static inline const char *cn_codeset(void) { return nl_langinfo(CODESET); }

#endif
