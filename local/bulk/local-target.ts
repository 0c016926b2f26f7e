import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import type { RuntimeSettings } from '../../lambdas/shared/settings.ts';
import { TargetError } from './errors.ts';
import { connect, type Target } from './target.ts';

/** The part of `endpoints.json` that is needed here. */
const Endpoints = z.object({
  dynamodb: z.url(),
  sqs: z.url(),
  region: z.string(),
  credentials: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }),
  outputs: z.record(z.string(), z.string()),
});

const ADVICE =
  'Start it with `npm start` and leave it running, name its folder with --data, or name a deployed stage with --stage.';

/**
 * The stack that `npm start` runs.
 *
 * @param data its data folder
 * @param tableOutput the output that names the table to work on
 * @throws TargetError when none is running there
 */
export async function findLocalTarget(data: string, settings: RuntimeSettings, tableOutput: string): Promise<Target> {
  const folder = relative(process.cwd(), data) || '.';
  const { outputs, region, credentials, dynamodb, sqs } = readEndpoints(join(data, 'endpoints.json'), folder);
  const output = (name: string): string => {
    const value = outputs[name];
    if (value !== undefined) return value;
    throw new TargetError(`The local stack in ${folder} has no output ${name}. Start it anew with \`npm start\`.`);
  };
  const table = output(tableOutput);
  const access = { region, credentials, endpoints: { dynamodb, sqs } };
  // The file outlasts the stack, and another program may have its port by now.
  const probe = connect({ ...access, maxAttempts: 1 });
  try {
    await probe.database.send(new DescribeTableCommand({ TableName: table }));
  } catch (error) {
    throw new TargetError(`The local stack in ${folder} does not answer at ${dynamodb}. ${ADVICE}`, { cause: error });
  } finally {
    probe.close();
  }
  return {
    name: `the local stack in ${folder}`,
    settings,
    table,
    output,
    ...connect({ ...access, maxAttempts: 4 }),
  };
}

function readEndpoints(file: string, folder: string): z.infer<typeof Endpoints> {
  let text;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new TargetError(`No local stack has been started in ${folder}: there is no ${file}. ${ADVICE}`);
  }
  try {
    return Endpoints.parse(JSON.parse(text));
  } catch (error) {
    throw new TargetError(`${file} is not what \`npm start\` writes. ${ADVICE}`, { cause: error });
  }
}
