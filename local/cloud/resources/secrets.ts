import * as z from 'zod';
import { generatePassword } from '../generated-password.ts';
import { checkSecret } from '../limits.ts';
import { bool, integerBetween, resourceType } from '../resource-type.ts';
import { secretArn } from '../secrets.ts';
import { checked } from './events.ts';

const GenerateSecretString = z
  .strictObject({
    PasswordLength: integerBetween(1, 4096).optional(),
    ExcludeCharacters: z.string().max(4096).optional(),
    ExcludeLowercase: bool.optional(),
    ExcludeNumbers: bool.optional(),
    ExcludePunctuation: bool.optional(),
    ExcludeUppercase: bool.optional(),
    IncludeSpace: bool.optional(),
    RequireEachIncludedType: bool.optional(),
    SecretStringTemplate: z.string().optional(),
    GenerateStringKey: z.string().min(1).optional(),
  })
  .refine(({ SecretStringTemplate, GenerateStringKey }) => !SecretStringTemplate === !GenerateStringKey, {
    error: 'SecretStringTemplate and GenerateStringKey go together',
  });

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html */
export const secret = resourceType({
  properties: z
    .strictObject({
      Name: z
        .string()
        .regex(/^[\w/+=.@-]{1,512}$/, 'a name has 1 to 512 letters, digits and characters of /_+=.@-')
        .optional(),
      SecretString: z.string().optional(),
      GenerateSecretString: GenerateSecretString.optional(),
    })
    .refine(({ SecretString, GenerateSecretString: rule }) => SecretString === undefined || rule === undefined, {
      error: 'a secret has either SecretString or GenerateSecretString',
    }),
  inert: ['Description', 'Tags'],
  deploy({ Name, SecretString, GenerateSecretString: rule }, context) {
    // CloudFormation does not put the stack's name in front, and CDK takes the name of a secret out of its ARN by that.
    const name = Name ?? `${context.logicalId}-${context.name(128).slice(-12)}`;
    const value = rule === undefined ? SecretString : context.kept.get(name, rule, () => generate());
    if (value !== undefined) {
      checked(rule === undefined ? 'SecretString' : 'GenerateSecretString', context, () => checkSecret(value));
    }
    const arn = secretArn(name);
    context.model.secrets.set(arn, {
      logicalId: context.logicalId,
      name,
      arn,
      ...(value === undefined ? {} : { value }),
    });
    return { ref: arn, attributes: { Id: arn } };

    function generate(): string {
      const { SecretStringTemplate: template, GenerateStringKey: key, ...password } = rule ?? {};
      return checked('GenerateSecretString', context, () => {
        const made = generatePassword(password);
        return template === undefined ? made : JSON.stringify({ ...objectIn(template), [key!]: made });
      });
    }
  },
});

function objectIn(template: string): object {
  let read: unknown;
  try {
    read = JSON.parse(template);
  } catch {
    // Said below, without the text, which may hold what is secret.
  }
  if (read !== null && typeof read === 'object' && !Array.isArray(read)) return read;
  throw new Error('SecretStringTemplate is not a JSON object');
}
