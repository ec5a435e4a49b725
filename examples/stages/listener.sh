#!/bin/sh
# listener: copy records to a file, by a sink in C that hears of checkpoints.
#
#	make; ./listener.sh RECORDS OUT
#	weir run -c 1s -j JOB ./listener.sh RECORDS OUT
#
# In a job OUT grows at each checkpoint, by what that one covers.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
PATH=$here:$PATH

weir source "$1" |
	weir listener "$2"
