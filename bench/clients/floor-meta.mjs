/** The floor with meta requests, carrying the flags that our own client sends; see harness/wire.mjs. */
import { driveFloor } from '../harness/floor.mjs';

export const drive = (job) => driveFloor(job);
