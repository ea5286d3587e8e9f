# SPDX-License-Identifier: BSD-2-Clause
# For authors of engines for libewb; installed.

# EWB_ENGINE([VERSION], [IF-FOUND], [IF-NOT-FOUND])
# -------------------------------------------------
# Finds libewb, of that version or newer, with pkg-config.  Gives EWB_CFLAGS and
# EWB_LIBS; EWB_ENGINE_LDFLAGS, with which libtool makes a module that ewbd loads;
# and enginedir, where ewbd looks for engines without a slash in their name
# (--with-enginedir).  Without IF-NOT-FOUND it stops when there is none.
AC_DEFUN([EWB_ENGINE], [
  AC_REQUIRE([PKG_PROG_PKG_CONFIG])
  PKG_CHECK_MODULES([EWB], [ewb m4_ifval([$1], [>= $1])],
    [_EWB_ENGINE_FOUND
     $2],
    [m4_default([$3],
      [AC_MSG_ERROR([libewb m4_ifval([$1], [$1 or newer ])was not found; install it, or say in PKG_CONFIG_PATH where its ewb.pc is])])])
])

AC_DEFUN([_EWB_ENGINE_FOUND], [
  AC_ARG_WITH([enginedir],
    [AS_HELP_STRING([--with-enginedir=DIR],
      [where ewbd looks for engines [as libewb says]])])
  AC_MSG_CHECKING([where engines go])
  AS_CASE([$with_enginedir],
    [''|yes], [enginedir=`$PKG_CONFIG --variable=enginedir ewb`],
    [no], [AC_MSG_ERROR([--without-enginedir: an engine has to go somewhere; say --with-enginedir=DIR])],
    [enginedir=$with_enginedir])
  AC_MSG_RESULT([$enginedir])
  EWB_ENGINE_LDFLAGS="-module -avoid-version -shared -export-symbols-regex '^ewb_engine_entry\$\$'"
  AC_SUBST([enginedir])
  AC_SUBST([EWB_ENGINE_LDFLAGS])
])

# EWB_PROGS
# ---------
# Finds EWBD and EWB_CHECK_ENGINE, in PATH or beside libewb.  Empty: not there.
# After EWB_ENGINE.
AC_DEFUN([EWB_PROGS], [
  AC_REQUIRE([PKG_PROG_PKG_CONFIG])
  AC_ARG_VAR([EWBD], [the server, ewbd])
  AC_ARG_VAR([EWB_CHECK_ENGINE], [ewb-check-engine, for make check])
  ewb_bin=`$PKG_CONFIG --variable=bindir ewb`
  ewb_path=$PATH$PATH_SEPARATOR$ewb_bin$PATH_SEPARATOR$PKG_CONFIG_SYSROOT_DIR$ewb_bin
  AC_PATH_PROG([EWBD], [ewbd], [], [$ewb_path])
  AC_PATH_PROG([EWB_CHECK_ENGINE], [ewb-check-engine], [], [$ewb_path])
])
