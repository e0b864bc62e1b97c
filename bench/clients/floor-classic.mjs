/** The floor with classic `get` and `set`. */
import { CLASSIC, driveFloor } from '../harness/floor.mjs';

export const drive = (job) => driveFloor({ ...job, templates: CLASSIC });
