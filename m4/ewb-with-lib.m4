# EWB_WITH_LIB(NAME, HEADER, FUNCTION, PACKAGE)
# ---------------------------------------------
# --with-NAME: the engine of that name is built, with the library of that name;
# without a word, when it is found.  Sets with_NAME, NAME_CFLAGS and NAME_LIBS.
AC_DEFUN([EWB_WITH_LIB], [
  m4_pushdef([UP], [m4_toupper([$1])])
  AC_ARG_VAR(UP[_CFLAGS], [C flags for $1])
  AC_ARG_VAR(UP[_LIBS], [linker flags for $1])
  AC_ARG_WITH([$1],
    [AS_HELP_STRING([--with-$1], [build the engine $1 (if the library is found)])],
    [], [with_$1=maybe])
  AS_IF([test -z "$UP[]_LIBS"], [UP[]_LIBS=-l$1])
  AS_IF([test "$with_$1" != no],
    [ewb_save_LIBS=$LIBS ewb_save_CPPFLAGS=$CPPFLAGS
     LIBS="$UP[]_LIBS $LIBS" CPPFLAGS="$UP[]_CFLAGS $CPPFLAGS"
     AC_CACHE_CHECK([for $1], [ewb_cv_lib_$1],
       [AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <$2>]],
          [[return $3 == 0;]])],
         [ewb_cv_lib_$1=yes], [ewb_cv_lib_$1=no])])
     LIBS=$ewb_save_LIBS CPPFLAGS=$ewb_save_CPPFLAGS
     AS_IF([test "$ewb_cv_lib_$1$with_$1" = noyes],
       [AC_MSG_ERROR([$1 was not found; install $4 or set UP[]_LIBS])])
     with_$1=$ewb_cv_lib_$1])
  AM_CONDITIONAL([WITH_]UP, [test "$with_$1" = yes])
  m4_popdef([UP])
])
