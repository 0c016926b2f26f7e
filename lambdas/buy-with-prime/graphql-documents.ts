import {
  Kind,
  print,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from '@0no-co/graphql.web';
import { initGraphQLTada, type TadaDocumentNode } from 'gql.tada';
import type { introspection } from './graphql-schema.ts';

// The compiler reads the documents: a field or a variable that the schema does not know does not compile.
const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: {
    Decimal: number;
    /** True or false: answers have it as a boolean or as a word, requests as a word. */
    Flag: string | boolean;
  };
}>();

const money = graphql(`
  fragment Money on Money {
    amount
    currencyCode
  }
`);

const amount = graphql(`
  fragment Amount on Amount {
    unit
    value
  }
`);

const alias = graphql(`
  fragment Alias on Alias {
    aliasType
    aliasId
  }
`);

/** How much of a line item, beside the whole of it. */
const shareOfWhole = graphql(
  `
    fragment ShareOfWhole on OrderLineItemAmount {
      lineItem {
        id
        amount {
          ...Amount
        }
      }
      amount {
        ...Amount
      }
    }
  `,
  [amount],
);

const share = graphql(
  `
    fragment Share on OrderLineItemAmount {
      lineItem {
        id
      }
      amount {
        ...Amount
      }
    }
  `,
  [amount],
);

const identity = graphql(`
  fragment Identity on Product {
    productId {
      value
    }
    amazonSku {
      marketplaceId
      value
    }
  }
`);

const purchased = graphql(
  `
    fragment Purchased on Product {
      ...Identity
      externalId {
        value
      }
      sku {
        value
      }
      title
      price {
        ...Money
      }
    }
  `,
  [identity, money],
);

const discountSummary = graphql(
  `
    fragment DiscountSummary on DiscountSummary {
      amount {
        ...Money
      }
      displayString
    }
  `,
  [money],
);

const discounts = graphql(
  `
    fragment Discounts on DiscountAllocations {
      summary {
        ...DiscountSummary
      }
      details {
        amount {
          ...Money
        }
        displayString
        aliases {
          ...Alias
        }
        couponCode
      }
    }
  `,
  [discountSummary, money, alias],
);

const taxSummary = graphql(
  `
    fragment TaxSummary on TaxSummary {
      collectableTaxAmount {
        ...Money
      }
    }
  `,
  [money],
);

const taxes = graphql(
  `
    fragment Taxes on Taxes {
      summary {
        ...TaxSummary
      }
    }
  `,
  [taxSummary],
);

const paymentSummary = graphql(
  `
    fragment PaymentSummary on PaymentSummary {
      amount {
        ...Money
      }
      paymentMethodDisplayString
      state
    }
  `,
  [money],
);

const paymentDetail = graphql(
  `
    fragment PaymentDetail on PaymentDetail {
      id
      amount {
        ...Money
      }
      paymentMethod {
        displayString
        type
      }
      state
      payer {
        id
      }
      aliases {
        ...Alias
      }
      createdAt
      updatedAt
    }
  `,
  [money, alias],
);

const payments = graphql(
  `
    fragment Payments on Payments {
      summary {
        ...PaymentSummary
      }
      details {
        ...PaymentDetail
      }
    }
  `,
  [paymentSummary, paymentDetail],
);

const refundTotal = graphql(
  `
    fragment RefundTotal on RefundTotal {
      totalAmount {
        ...Money
      }
    }
  `,
  [money],
);

const refundDetail = graphql(
  `
    fragment RefundDetail on RefundDetail {
      id
      aliases {
        ...Alias
      }
      createdAt
      updatedAt
      refundTotal {
        ...RefundTotal
      }
      state
      refundFor {
        orderLineItems {
          ...Share
        }
      }
      paymentDetails {
        ...PaymentDetail
      }
    }
  `,
  [alias, refundTotal, share, paymentDetail],
);

const promise = graphql(
  `
    fragment Promise on DeliveryOffer {
      summary {
        deliveryMessage {
          messageText
          locale
          badge
        }
        deliveryCharge {
          ...Money
        }
        deliveryProvider
        taxes {
          ...TaxSummary
        }
        discounts {
          ...DiscountSummary
        }
        deliveryOfferFor {
          orderLineItemAmounts {
            ...ShareOfWhole
          }
        }
      }
      details {
        id
        date {
          earliest
          latest
        }
        policy {
          messaging {
            badge
            locale
            messageText
          }
        }
        deliveryPreviewId
        deliveryProvider
        deliveryTerms {
          deliverySpeed
          isPrimeEligible
        }
        recipient {
          id
        }
        price {
          rollupPrices {
            type
            value {
              ...Money
            }
          }
          totalPrice {
            ...Money
          }
        }
        discounts {
          ...Discounts
        }
        taxes {
          ...Taxes
        }
        deliveryOfferFor {
          orderLineItemAmounts {
            ...ShareOfWhole
          }
        }
      }
    }
  `,
  [money, taxSummary, discountSummary, shareOfWhole, discounts, taxes],
);

const lineItem = graphql(
  `
    fragment LineItem on LineItem {
      id
      aliases {
        ...Alias
      }
      amount {
        ...Amount
      }
      createdAt
      product {
        ...Purchased
        productDetailPageUrl
        image {
          displayReadyUrl
          sourceUrl
          altText
        }
        purchaseGroupMembership {
          product {
            ...Purchased
          }
          memberAmount {
            ...Amount
          }
        }
      }
      deliveryOffer {
        ...Promise
      }
      packageInformation {
        summary {
          state
        }
        details {
          id
          state
          reason
          packageTracker {
            packageTrackerIdentifier {
              trackingNumber
              carrierCode
            }
          }
          packageInformationDetailsFor {
            orderLineItems {
              ...ShareOfWhole
            }
          }
        }
      }
      payments {
        ...Payments
      }
      taxes {
        ...Taxes
      }
      discounts {
        ...Discounts
      }
      cancellations {
        details {
          aliases {
            ...Alias
          }
          createdAt
          updatedAt
          reason
          requestedBy
          additionalComments
          state
          refundDetails {
            ...RefundDetail
          }
          canceledFor {
            orderLineItems {
              ...Share
            }
          }
        }
      }
    }
  `,
  [alias, amount, purchased, promise, shareOfWhole, payments, taxes, discounts, refundDetail, share],
);

/** The whole selection of "Create an order from an offer". */
const order = graphql(
  `
    fragment Order on Order {
      id
      aliases {
        ...Alias
      }
      customer {
        bwpCustomerId
      }
      lineItems {
        ...LineItem
      }
      taxes {
        ...Taxes
      }
      discounts {
        ...Discounts
      }
      totalPrice {
        rollupCharges {
          rollupChargeType
          displayString
          value {
            ...Money
          }
        }
        value {
          ...Money
        }
        verified
      }
      payments {
        ...Payments
      }
      refunds {
        summary {
          refundTotal {
            ...RefundTotal
          }
          paymentSummary {
            ...PaymentSummary
          }
        }
        details {
          ...RefundDetail
        }
      }
      returns {
        details {
          id
          createdAt
          updatedAt
          state
          returnPackageDetails {
            id
            state
            returnPackageFor {
              orderLineItemAmounts {
                lineItem {
                  id
                  amount {
                    ...Amount
                  }
                }
              }
            }
          }
          returnLineItems {
            id
            grading {
              summary {
                gradedAmount {
                  ...Amount
                }
                unitWiseCondition {
                  amount {
                    ...Amount
                  }
                  condition
                }
              }
            }
            lineItem {
              ...ShareOfWhole
            }
          }
          returnFor {
            orderLineItemAmounts {
              ...Share
            }
          }
        }
      }
      metadata {
        executionState
        createdAt
        updatedAt
      }
      orderLinks {
        destinationType
        url
        displayMessage
      }
    }
  `,
  [
    alias,
    amount,
    lineItem,
    taxes,
    discounts,
    money,
    payments,
    refundTotal,
    paymentSummary,
    refundDetail,
    shareOfWhole,
    share,
  ],
);

const deliveryTerms = graphql(`
  fragment DeliveryTerms on DeliveryTerms {
    isPrimeEligible
    deliverySpeed
  }
`);

const localizedText = graphql(`
  fragment LocalizedText on LocalizedText {
    value
    locale
  }
`);

/** "Offers on product detail pages". */
const productPageOffers = graphql(
  `
    query offers($input: OffersInput!) {
      offers(input: $input) {
        edges {
          node {
            id
            lineItems {
              product {
                ...Identity
              }
              deliveryOffer {
                deliveryOfferSummary {
                  deliveryMessage {
                    messageText
                    badge
                  }
                  deliveryProvider
                  deliveryTerms {
                    ...DeliveryTerms
                  }
                }
              }
              reversalOffers {
                summary {
                  description {
                    ...LocalizedText
                  }
                  title {
                    ...LocalizedText
                  }
                  resolutionTypes
                }
              }
            }
          }
        }
      }
    }
  `,
  [identity, deliveryTerms, localizedText],
);

/**
 * "Offers on checkout pages": the selection of the page's queries, with what only its answers show (locale, title and
 * description).
 */
const checkoutOffers = graphql(
  `
    query offers($input: OffersInput!) {
      offers(input: $input) {
        edges {
          node {
            id
            lineItems {
              product {
                ...Identity
                price {
                  ...Money
                }
                offerPrime
                title
              }
              deliveryOffer {
                details {
                  id
                  deliveryProvider
                  deliveryPreviewId
                  date {
                    latest
                  }
                  policy {
                    messaging {
                      messageText
                      locale
                      badge
                    }
                  }
                  deliveryTerms {
                    ...DeliveryTerms
                  }
                }
              }
              reversalOffers {
                summary {
                  description {
                    ...LocalizedText
                  }
                  title {
                    ...LocalizedText
                  }
                  resolutionTypes
                }
              }
            }
          }
        }
        totalCount
      }
    }
  `,
  [identity, money, deliveryTerms, localizedText],
);

const createOrderFromOffer = graphql(
  `
    mutation createOrderFromOffer($input: CreateOrderFromOfferInput!) {
      createOrderFromOffer(input: $input) {
        order {
          ...Order
        }
      }
    }
  `,
  [order],
);

const findOrder = graphql(
  `
    query order($orderIdentifier: OrderIdentifierInput!) {
      order(orderIdentifier: $orderIdentifier) {
        ...Order
      }
    }
  `,
  [order],
);

/** A document as it is sent, with the type of its variables. */
export interface SentDocument<Variables> {
  readonly operationName: string;
  readonly text: string;
  /** Never there: it holds the type. */
  readonly variables?: Variables;
}

/** The documents of the client, made once. */
export const documents = {
  productPageOffers: sent(productPageOffers),
  checkoutOffers: sent(checkoutOffers),
  createOrderFromOffer: sent(createOrderFromOffer),
  findOrder: sent(findOrder),
} as const;

export type VariablesOfDocument<Document> = Document extends SentDocument<infer Variables> ? Variables : never;

/**
 * The text of a document, its fragments written out in their places: a fragment names the type that it is of, and Amazon
 * publishes no schema by which these names could be checked.
 */
function sent<Result, Variables>(document: TadaDocumentNode<Result, Variables>): SentDocument<Variables> {
  const { definitions } = document as DocumentNode;
  const operation = definitions.find((one): one is OperationDefinitionNode => one.kind === Kind.OPERATION_DEFINITION);
  if (operation?.name === undefined) throw new Error('a document has no operation with a name');
  const fragments = new Map(
    definitions
      .filter((one): one is FragmentDefinitionNode => one.kind === Kind.FRAGMENT_DEFINITION)
      .map((one) => [one.name.value, one.selectionSet]),
  );
  const text = print({ ...operation, selectionSet: writtenOut(operation.selectionSet, fragments) });
  // Two thirds of it are margins. No document has a text in quotes, so no blank means anything.
  return { operationName: operation.name.value, text: text.replaceAll(/\s+/gu, ' ') };
}

function writtenOut(set: SelectionSetNode, fragments: ReadonlyMap<string, SelectionSetNode>): SelectionSetNode {
  const selections = set.selections.flatMap((selection): readonly SelectionNode[] => {
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const fragment = fragments.get(selection.name.value);
      if (fragment === undefined) throw new Error(`there is no fragment ${selection.name.value}`);
      return writtenOut(fragment, fragments).selections;
    }
    if (selection.selectionSet === undefined) return [selection];
    return [{ ...selection, selectionSet: writtenOut(selection.selectionSet, fragments) }];
  });
  return { ...set, selections };
}
