# EWB_WARNINGS
# ------------
# --enable-werror; WARN_CFLAGS gets every warning of ours the compiler knows.
# Thread roles are checked by clang.
AC_DEFUN([EWB_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat warnings as errors (developers)])])
  WARN_CFLAGS=
  for ewb_f in -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes \
      -Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wthread-safety
  do
    ewb_save_CFLAGS=$CFLAGS CFLAGS="$CFLAGS -Werror $ewb_f"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()], [WARN_CFLAGS="$WARN_CFLAGS $ewb_f"])
    CFLAGS=$ewb_save_CFLAGS
  done
  AS_IF([test "$enable_werror" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
])

# EWB_ENABLE_STRICT
# ----------
# --enable-strict: an engine's mistake aborts instead of being counted.
AC_DEFUN([EWB_ENABLE_STRICT], [
  AC_ARG_ENABLE([strict],
    [AS_HELP_STRING([--enable-strict],
      [abort on an engine's mistake (for engine authors)])])
  AS_IF([test "$enable_strict" = yes],
    [AC_DEFINE([EWB_STRICT], [1], [An engine's mistake aborts.])])
])
