# EWB_SYSTEMD
# -----------
# --with-systemd: ewbd takes sockets from systemd and tells it how it goes; without
# a word, when libsystemd is found.  --with-systemdsystemunitdir: its units are
# installed there; without a directory, where systemd looks for them.
AC_DEFUN([EWB_SYSTEMD], [
  AC_ARG_WITH([systemd],
    [AS_HELP_STRING([--with-systemd], [take sockets from systemd, and tell it when ewbd is ready (if libsystemd is found)])],
    [], [with_systemd=maybe])
  AS_IF([test "$with_systemd" != no],
    [PKG_CHECK_MODULES([SYSTEMD], [libsystemd], [ewb_found=yes], [ewb_found=no])
     AS_IF([test "$ewb_found$with_systemd" = noyes],
       [AC_MSG_ERROR([libsystemd was not found; install libsystemd-dev or leave out --with-systemd])])
     with_systemd=$ewb_found])
  AS_IF([test "$with_systemd" = yes],
    [AC_DEFINE([HAVE_SYSTEMD], [1], [libsystemd is there.])])
  AC_ARG_WITH([systemdsystemunitdir],
    [AS_HELP_STRING([--with-systemdsystemunitdir@<:@=DIR@:>@], [install units for systemd, in DIR or where it looks for them])],
    [], [with_systemdsystemunitdir=no])
  AS_IF([test "$with_systemdsystemunitdir" = yes],
    [with_systemdsystemunitdir=`$PKG_CONFIG --variable=systemdsystemunitdir systemd 2>/dev/null`
     AS_IF([test -z "$with_systemdsystemunitdir"],
       [AC_MSG_ERROR([systemd.pc does not say where units go; say --with-systemdsystemunitdir=DIR])])])
  AC_SUBST([systemdsystemunitdir], [$with_systemdsystemunitdir])
  AM_CONDITIONAL([WITH_UNITS], [test "$with_systemdsystemunitdir" != no])
])
